// A start-up that draws random bytes in all the ways there are, and says what it got: a line each of who, whence and the bytes.
// Arguments: words that say what it does besides.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int has(char **words, const char *word) {
    for (; *words; words++) if (!strcmp(*words, word)) return 1;
    return 0;
}

static void say(const char *who, const char *whence, const unsigned char *bytes, ssize_t len) {
    char line[9000];
    int used = snprintf(line, sizeof line, "%s %s ", who, whence);
    for (ssize_t i = 0; i < len; i++) used += sprintf(line + used, "%02x", bytes[i]);
    line[used++] = '\n';
    if (write(1, line, used) != used) _exit(4);
}

static void call(const char *who, size_t len) {
    unsigned char bytes[256];
    say(who, "call", bytes, getrandom(bytes, len, 0));
}

static void *thread(void *who) {
    call(who, 24);
    return NULL;
}

static void in_thread(char *who) {
    pthread_t id;
    if (pthread_create(&id, NULL, thread, who)) _exit(4);
    pthread_join(id, NULL);
}

static void device(const char *who, const char *path) {
    unsigned char bytes[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC), copy = dup(file);
    say(who, "device", bytes, read(copy, bytes, 8));
    struct iovec pieces[2] = {{bytes, 3}, {bytes + 3, 6}};
    say(who, "device", bytes, readv(file, pieces, 2));
    say(who, "device", bytes, pread(file, bytes, 5, 0));
    close(file);
    close(copy);
    // stdio asks for a whole buffer, and gives away a part of it.
    FILE *stream = fopen(path, "r");
    if (fread(bytes, 4, 1, stream) != 1) _exit(4);
    say(who, "buffered", bytes, 4);
    fclose(stream);
}

static volatile int caught;

static void count(int signal) {
    (void)signal;
    caught++;
}

int main(int argc, char **words) {
    (void)argc;
    if (has(words, "more")) call("", 16);
    call("", 16);
    call("", 16);
    device("", "/dev/urandom");
    device("", "/dev/random");
    in_thread("t1");
    in_thread("t2");
    // Signals arrive, and each once.
    struct sigaction action = {.sa_handler = count};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMIN + 3, &action, NULL);
    for (int i = 0; i < 5; i++) raise(SIGUSR1), raise(SIGRTMIN + 3);
    // One child comes and goes, one stays, one executes another program.
    pid_t first = fork();
    if (first == 0) _exit(3);
    int status = 0;
    if (waitpid(first, &status, 0) != first || WEXITSTATUS(status) != 3) return 4;
    pid_t second = fork();
    if (second == 0) {
        call("1", 12);
        in_thread("1t1");
        for (;;) pause();
    }
    char *arguments[] = {"true", NULL};
    pid_t third;
    if (posix_spawn(&third, "/bin/true", NULL, NULL, arguments, environ)) return 4;
    if (waitpid(third, &status, 0) != third || status) return 4;
    if (has(words, "stop")) raise(SIGSTOP);
    if (has(words, "end")) {
        kill(second, SIGKILL);
        return 9;
    }
    dprintf(1, "ready %d signals\n", caught);
    struct epoll_event event;
    int set = epoll_create1(EPOLL_CLOEXEC);
    epoll_wait(set, &event, 1, -1);
    dprintf(1, "woken: %s\n", strerror(errno));
    for (;;) pause();
}
