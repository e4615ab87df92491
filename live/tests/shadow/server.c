// A server for shadows: it listens on a port and on a unix socket, writes a pid file and a log, removes a file, and has workers and
// threads. Arguments: DIRECTORY PORT WORKERS THREADS and words that say what else it does.
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int has(char **words, const char *word) {
    for (; *words; words++) if (!strcmp(*words, word)) return 1;
    return 0;
}

static void fail(const char *what) {
    perror(what);
    exit(3);
}

static void *wait_for_ever(void *unused) {
    struct epoll_event event;
    int set = epoll_create1(EPOLL_CLOEXEC);
    for (;;) epoll_wait(set, &event, 1, -1);
    return unused;
}

static void write_file(const char *name, int flags, const char *text) {
    int file = open(name, O_WRONLY | O_CREAT | flags, 0644);
    if (file < 0 || write(file, text, strlen(text)) < 0) fail(name);
    close(file);
}

int main(int count, char **arguments) {
    if (count < 5) return 2;
    int port = atoi(arguments[2]), workers = atoi(arguments[3]), threads = atoi(arguments[4]);
    char **words = arguments + 5, text[64], path[4096];
    if (has(words, "refuse")) {
        fprintf(stderr, "there is an unknown setting\n");
        return 7;
    }
    if (has(words, "crash")) raise(SIGSEGV);
    if (has(words, "log-refuse")) {
        if (chdir(arguments[1])) fail(arguments[1]);
        write_file("log", O_APPEND, "no such setting\n");
        return 1;
    }
    if (has(words, "daemon") && fork()) return 0;
    if (has(words, "daemon") && setsid() >= 0 && fork()) return 0;
    if (has(words, "closefrom")) close_range(3, ~0U, 0);
    if (has(words, "fixed") && mmap((void *)0x500000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) fail("mmap");
    if (has(words, "children")) for (int i = 0; i < 3; i++) {
        if (fork() == 0) _exit(0);
        wait(NULL);
    }
    if (chdir(arguments[1])) fail(arguments[1]);

    int tcp = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(tcp, (void *)&address, sizeof address) || listen(tcp, 16)) fail("bind");
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (snprintf(path, sizeof path, "%s/socket", arguments[1]) >= (int)sizeof name.sun_path) return 2;
    memcpy(name.sun_path, path, strlen(path) + 1);
    unlink(path);
    if (bind(local, (void *)&name, sizeof name) || listen(local, 16)) fail(path);

    write_file("log", O_APPEND, "started\n");
    snprintf(text, sizeof text, "%d\n", getpid());
    write_file("pid", O_TRUNC, text);
    if (has(words, "keep-log") && open("log", O_WRONLY | O_APPEND) < 0) fail("log");
    unlink("left-over");
    rename("old-name", "new-name");
    snprintf(path, sizeof path, "/dev/shm/mcrx-test-of-shadows-%d", port);
    write_file(path, O_TRUNC, text);
    printf("listening as %d\n", getpid());
    fflush(stdout);

    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, wait_for_ever, NULL)) fail("thread");
    }
    for (int i = 0; i < workers; i++) {
        pid_t worker = fork();
        if (worker < 0) fail("fork");
        if (worker == 0) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, wait_for_ever, NULL)) fail("thread");
            wait_for_ever(NULL);
        }
    }
    if (has(words, "busy")) for (;;) {}
    for (;;) {
        int peer = accept(tcp, NULL, NULL);
        snprintf(text, sizeof text, "%d\n", getpid());
        if (peer >= 0 && write(peer, text, strlen(text)) < 0) continue;
        close(peer);
    }
}
