// Forks as they happen in programs with threads.
//
//   forks second         in a child, a new thread is the first to enter the allocator
//   forks trim           in a child, malloc_trim, then a new thread
//   forks chain N        N generations, each the child of the one before, each with threads that it does not wait for
//   forks vfork          vfork and posix_spawn while other threads allocate
//   forks handlers       pthread_atfork handlers that allocate
//
// Exit status 1 and a message: something was wrong.

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static _Noreturn void fail(const char *format, ...) {
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text - 1, format, arguments);
    text[length++] = '\n';
    if (write(2, text, (size_t)length) < 0) _exit(99);
    _exit(1);
}

static void expect_success(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) fail("lost a child");
    if (status) fail("a child ended with %x", status);
}

enum { BLOCKS = 4000 };
static uint64_t *mine[BLOCKS];
static _Atomic(void *) kept[BLOCKS];
static atomic_int idle, stop, done;

static void *do_nothing(void *nothing) {
    idle = 1;
    while (!stop) usleep(1000);
    return nothing;
}

// Two that do this at once must never be given the same block.
static void *fill(void *tag) {
    static __thread uint64_t volatile *blocks[BLOCKS];
    uintptr_t wrong = 0;
    for (int turn = 0; turn < 100; turn++) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = malloc(64);
            *blocks[i] = (uintptr_t)tag + (uintptr_t)i;
        }
        for (int i = 0; i < BLOCKS; i++) wrong += *blocks[i] != (uintptr_t)tag + (uintptr_t)i;
        for (int i = 0; i < BLOCKS; i++) free((void *)blocks[i]);
    }
    return (void *)wrong;
}

static void fill_by_two(void) {
    pthread_t other;
    void *wrong;
    pthread_create(&other, NULL, fill, (void *)0x1000000);
    uintptr_t here = (uintptr_t)fill((void *)0x2000000);
    pthread_join(other, &wrong);
    if (here + (uintptr_t)wrong) fail("%lu blocks were given to two threads", here + (uintptr_t)wrong);
}

static void *take_what_is_mine(void *nothing) {
    for (int i = 0; i < BLOCKS; i += 2) {
        free(mine[i]);
        mine[i] = NULL;
    }
    for (int i = 0; i < BLOCKS; i++) atomic_store(&kept[i], malloc(64));
    done = 1;
    return nothing;
}

static void second(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, do_nothing, NULL);
    while (!idle) usleep(100);
    for (int i = 0; i < BLOCKS; i++) mine[i] = malloc(64);
    for (int turn = 0; turn < 5; turn++) {
        pid_t pid = fork();
        if (pid == 0) {
            pthread_create(&thread, NULL, take_what_is_mine, NULL);
            while (!done) usleep(100);
            fill_by_two();
            _exit(0);
        }
        expect_success(pid);
    }
}

static void *note_address(void *address) {
    *(uintptr_t *)address = (uintptr_t)malloc(64);
    return NULL;
}

static void trim(void) {
    mine[0] = malloc(64);
    pid_t pid = fork();
    if (pid == 0) {
        malloc_trim(0);
        pthread_t thread;
        uintptr_t there, here = (uintptr_t)malloc(64);
        pthread_create(&thread, NULL, note_address, &there);
        pthread_join(thread, NULL);
        // Next to each other in one slab: both threads had one heap.
        if (there - here == 64) fail("two threads share a heap");
        fill_by_two();
        _exit(0);
    }
    expect_success(pid);
}

static long resident_kib(void) {
    long ignored, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2) fail("no statm");
    fclose(file);
    return pages * 4;
}

static _Atomic(char *) shared[1000];

static void *exchange(void *seed) {
    uint64_t random = (uintptr_t)seed * 88172645463325252u + 1;
    for (int i = 0; i < 3000 || (uintptr_t)seed % 4 == 3; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t size = 1 + random % 900;
        char *block = malloc(size);
        memset(block, 1, size);
        free(atomic_exchange(&shared[(random >> 32) % 1000], block));
    }
    return NULL;
}

static void chain(long generations) {
    int ends[2];
    if (pipe(ends)) fail("no pipe");
    pid_t pid = fork();
    if (pid) {
        close(ends[1]);
        long kib[2] = {0};
        if (read(ends[0], kib, sizeof kib) != sizeof kib) fail("the chain broke");
        expect_success(pid);
        printf("at most %ld KiB in the second tenth, at least %ld in the last one of %ld generations\n", kib[0], kib[1], generations);
        if (kib[1] > kib[0] + 4096) fail("%ld KiB more", kib[1] - kib[0]);
        return;
    }
    // How much is resident at an instant depends on how far the thread that goes on has got: the most of some early generations and
    // the least of the last ones differ only if something piles up.
    long early = 0, late = LONG_MAX;
    for (long generation = 0; generation < generations; generation++) {
        if (generation && fork()) _exit(0);
        pthread_t threads[4];
        for (uintptr_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, exchange, (void *)(generation * 4 + i));
        exchange((void *)(uintptr_t)(generation * 4));
        // The last thread goes on, and is lost with the next fork.
        for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
        long resident = resident_kib();
        if (generation >= generations / 10 && generation < generations / 5 && resident > early) early = resident;
        if (generation >= generations - generations / 10 && resident < late) late = resident;
    }
    long kib[2] = {early, late};
    if (write(ends[1], kib, sizeof kib) != sizeof kib) fail("nobody listens");
    _exit(0);
}

static void *allocate_until_stop(void *tag) {
    while (!stop) fill(tag);
    return NULL;
}

static void by_vfork(void) {
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++) pthread_create(&threads[i], NULL, allocate_until_stop, (void *)((i + 1) << 32));
    for (int turn = 0; turn < 200; turn++) {
        void *before = malloc(100);
        pid_t pid = vfork();
        if (pid == 0) {
            // Not allowed by POSIX, done all the same: the child runs on its parent's heap.
            free(malloc(5000));
            free(before);
            execl("/bin/true", "true", (char *)NULL);
            _exit(9);
        }
        expect_success(pid);
        char *arguments[] = {"true", NULL};
        if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ)) fail("no spawn");
        expect_success(pid);
    }
    stop = 1;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    fill_by_two();
}

static void allocate_in_handler(void) {
    char *block = malloc(300), *large = malloc(300000);
    memset(block, 1, 300);
    memset(large, 1, 300000);
    free(block);
    free(large);
}

static void handlers(void) {
    pthread_t threads[2];
    pthread_atfork(allocate_in_handler, allocate_in_handler, allocate_in_handler);
    for (uintptr_t i = 0; i < 2; i++) pthread_create(&threads[i], NULL, allocate_until_stop, (void *)((i + 1) << 32));
    for (int turn = 0; turn < 50; turn++) {
        pid_t pid = fork();
        if (pid == 0) {
            fill_by_two();
            _exit(0);
        }
        expect_success(pid);
    }
    stop = 1;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

int main(int count, char **words) {
    const char *kind = count > 1 ? words[1] : "";
    if (!strcmp(kind, "second")) second();
    else if (!strcmp(kind, "trim")) trim();
    else if (!strcmp(kind, "chain")) chain(count > 2 ? atol(words[2]) : 100);
    else if (!strcmp(kind, "vfork")) by_vfork();
    else if (!strcmp(kind, "handlers")) handlers();
    else fail("second, trim, chain N, vfork or handlers");
    // A thread may still do nothing.
    _exit(0);
}
