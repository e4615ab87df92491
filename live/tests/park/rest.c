// Threads that wait, nap, compute or come and go, as the arguments say. A line on standard input lets all of them wait.
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static atomic_int over;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void wait_for_ever(void) {
    pthread_mutex_lock(&lock);
    for (;;) pthread_cond_wait(&never, &lock);
}

static void *nap(void *unused) {
    for (;;) nanosleep(&(struct timespec){0, 1000000}, NULL);
    return unused;
}

static void *compute(void *unused) {
    while (!over) {}
    wait_for_ever();
    return unused;
}

static void *end(void *unused) {
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    return unused;
}

static void *make_processes(void *unused) {
    while (!over) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        if (child > 0) waitpid(child, NULL, 0);
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    wait_for_ever();
    return unused;
}

static void *make_threads(void *unused) {
    while (!over) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end, NULL) == 0) pthread_join(thread, NULL);
    }
    wait_for_ever();
    return unused;
}

static void *in_epoll(void *unused) {
    struct epoll_event event;
    int set = epoll_create1(0);
    for (;;) epoll_wait(set, &event, 1, -1);
    return unused;
}

int main(int count, char **arguments) {
    char line[16];
    pid_t parent = getpid();
    for (int i = 1; i < count; i++) {
        void *(*work)(void *) = !strcmp(arguments[i], "nap") ? nap
                              : !strcmp(arguments[i], "compute") ? compute
                              
                              : !strcmp(arguments[i], "threads") ? make_threads
                              : !strcmp(arguments[i], "processes") ? make_processes
                              : in_epoll;
        if (!strcmp(arguments[i], "child")) {
            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() == parent) for (;;) pause();
                return 0;
            }
            continue;
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
    }
    puts("ready");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) return 0;
    over = 1;
    puts(".");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) return 0;
    return 0;
}
