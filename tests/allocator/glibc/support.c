// What the headers beside this file declare.

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/capture_subprocess.h>
#include <support/check.h>
#include <support/support.h>
#include <support/temp_file.h>
#include <support/xsignal.h>
#include <support/xthread.h>
#include <support/xunistd.h>

// Shared with children, whose failures count too.
static _Atomic int *failures(void) {
    static _Atomic int *shared;
    if (!shared) shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared;
}

__attribute__((constructor)) static void share_failures(void) { failures(); }

int support_failures(void) { return *failures(); }

void support_record_failure(void) { atomic_fetch_add(failures(), 1); }

static _Noreturn void give_up(const char *call, int error) {
    printf("%s: %s\n", call, strerror(error));
    exit(1);
}

static void *made(void *block, const char *call) {
    if (!block) give_up(call, errno);
    return block;
}

void *xmalloc(size_t size) { return made(malloc(size), "malloc"); }
void *xcalloc(size_t count, size_t size) { return made(calloc(count, size), "calloc"); }
char *xstrdup(const char *text) { return made(strdup(text), "strdup"); }

void *xrealloc(void *block, size_t size) {
    void *result = realloc(block, size);
    return size ? made(result, "realloc") : result;
}

void *xposix_memalign(size_t align, size_t size) {
    void *block;
    support_no_error(posix_memalign(&block, align, size), "posix_memalign");
    return block;
}

char *xasprintf(const char *format, ...) {
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) give_up("vasprintf", errno);
    va_end(arguments);
    return text;
}

void support_no_error(int error, const char *call) {
    if (error) give_up(call, error);
}

static int good(int result, const char *call) {
    if (result < 0) give_up(call, errno);
    return result;
}

pid_t xfork(void) { return good(fork(), "fork"); }

pid_t xwaitpid(pid_t pid, int *status, int how) {
    int result;
    do result = waitpid(pid, status, how);
    while (result < 0 && errno == EINTR);
    return good(result, "waitpid");
}

void xpipe(int ends[2]) { good(pipe(ends), "pipe"); }
void xclose(int fd) { good(close(fd), "close"); }
int xopen(const char *path, int how, mode_t mode) { return good(open(path, how, mode), "open"); }
void xmunmap(void *address, size_t length) { good(munmap(address, length), "munmap"); }
void xmprotect(void *address, size_t length, int protection) { good(mprotect(address, length, protection), "mprotect"); }
void xraise(int number) { good(raise(number), "raise"); }

void xsigaction(int number, const struct sigaction *now, struct sigaction *before) {
    good(sigaction(number, now, before), "sigaction");
}

void xwrite(int fd, const void *bytes, size_t length) {
    for (const char *at = bytes; length;) {
        ssize_t written = write(fd, at, length);
        if (written <= 0) give_up("write", errno);
        at += written;
        length -= (size_t)written;
    }
}

void *xmmap(void *address, size_t length, int protection, int how, int fd) {
    void *result = mmap(address, length, protection, how, fd, 0);
    if (result == MAP_FAILED) give_up("mmap", errno);
    return result;
}

long xsysconf(int name) {
    errno = 0;
    long result = sysconf(name);
    if (result < 0 && errno) give_up("sysconf", errno);
    return result;
}

support_handler xsignal(int number, support_handler handler) {
    support_handler before = signal(number, handler);
    if (before == SIG_ERR) give_up("signal", errno);
    return before;
}

void set_fortify_handler(void (*handler)(int)) { xsignal(SIGABRT, handler); }

void ignore_stderr(void) {
    int nowhere = xopen("/dev/null", O_WRONLY, 0);
    good(dup2(nowhere, 2), "dup2");
}

void write_message(const char *text) {
    if (write(1, text, strlen(text)) < 0) _exit(1);
}

void *support_shared_allocate(size_t size) {
    size_t *start = mmap(NULL, size + 64, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) give_up("mmap", errno);
    *start = size + 64;
    return (char *)start + 64;
}

void support_shared_free(void *block) {
    size_t *start = (size_t *)((char *)block - 64);
    munmap(start, *start);
}

static char *files[16];

static void remove_files(void) {
    for (unsigned i = 0; i < sizeof files / sizeof *files && files[i]; i++) unlink(files[i]);
}

int create_temp_file(const char *base, char **path) {
    char *name = xasprintf("/tmp/%s.XXXXXX", base);
    int fd = good(mkstemp(name), "mkstemp");
    unsigned i = 0;
    while (i < sizeof files / sizeof *files - 1 && files[i]) i++;
    if (i == 0) atexit(remove_files);
    files[i] = name;
    if (path) *path = name;
    return fd;
}

static int take_in(int fd, struct support_text *text) {
    char part[4096];
    ssize_t got = read(fd, part, sizeof part);
    if (got <= 0) return 0;
    text->buffer = xrealloc(text->buffer, text->length + (size_t)got + 1);
    memcpy(text->buffer + text->length, part, (size_t)got);
    text->length += (size_t)got;
    text->buffer[text->length] = 0;
    return 1;
}

struct support_capture_subprocess support_capture_subprocess(void (*run)(void *), void *argument) {
    struct support_capture_subprocess captured = {{xcalloc(1, 1), 0}, {xcalloc(1, 1), 0}, 0};
    int out[2], err[2];
    xpipe(out);
    xpipe(err);
    fflush(NULL);
    pid_t pid = xfork();
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        run(argument);
        fflush(NULL);
        _exit(0);
    }
    xclose(out[1]);
    xclose(err[1]);
    struct pollfd ends[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        if (poll(ends, 2, -1) < 0 && errno != EINTR) give_up("poll", errno);
        if (ends[0].revents && !take_in(out[0], &captured.out)) ends[0].fd = -1;
        if (ends[1].revents && !take_in(err[0], &captured.err)) ends[1].fd = -1;
    }
    xclose(out[0]);
    xclose(err[0]);
    xwaitpid(pid, &captured.status, 0);
    return captured;
}

void support_capture_subprocess_free(struct support_capture_subprocess *captured) {
    free(captured->out.buffer);
    free(captured->err.buffer);
}

void support_capture_subprocess_check(struct support_capture_subprocess *captured, const char *what, int status, int allowed) {
    int got = WIFEXITED(captured->status) ? WEXITSTATUS(captured->status) : -WTERMSIG(captured->status);
    if (got != status) FAIL("%s: ended with %d, wanted %d", what, got, status);
    if (!(allowed & sc_allow_stdout) && captured->out.length) FAIL("%s: said %s", what, captured->out.buffer);
    if (!(allowed & sc_allow_stderr) && captured->err.length) FAIL("%s: complained %s", what, captured->err.buffer);
}
