/* Processes that do not stand still by themselves.
 *
 *     crowd THREADS CHILDREN [count | raise | spawn | fork | signals | vfork | leaderless]
 *
 * The process and each of its children have so many threads that count in memory shared by all, or make threads without end, or
 * processes. Prints "ready", then the address of the counters. With "signals" the main thread waits by epoll_wait for SIGUSR1 and says
 * what it was woken by. Otherwise a line on standard input is answered by the sum of the counters, and a dot. With "raise" the threads
 * send themselves signals all the time, and count those; if one did not arrive, that is the answer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned long *counters; /* 512 of them */
static const char *mode = "count";

static void *count(void *own)
{
    for (;;) {
        ++*(volatile unsigned long *)own;
        for (volatile int i = 0; i < 2000; i++)
            ;
        usleep(50);
    }
    return NULL;
}

static void *count_once(void *own)
{
    ++*(volatile unsigned long *)own;
    return NULL;
}

static __thread volatile unsigned long arrived;
static volatile int lost;

static void count_signal(int signal)
{
    (void)signal;
    arrived++;
}

/* A signal that a thread sends itself has arrived when the call returns. */
static void *raise_signals(void *own)
{
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = count_signal}, NULL);
    for (unsigned long raised = 1;; raised++) {
        pthread_kill(pthread_self(), SIGUSR2);
        if (arrived != raised)
            lost = 1;
        ++*(volatile unsigned long *)own;
    }
    return NULL;
}

static void *spawn(void *own)
{
    pthread_t thread;
    for (;;)
        if (pthread_create(&thread, NULL, count_once, own) == 0)
            pthread_join(thread, NULL);
    return NULL;
}

static void *make_processes(void *own)
{
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            count_once(own);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return NULL;
}

static void start(void *(*function)(void *), int number)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, (void *)&counters[number % 512]))
        abort();
}

static void start_all(int threads, int process)
{
    void *(*function)(void *) = !strcmp(mode, "spawn")   ? spawn
                                : !strcmp(mode, "fork")  ? make_processes
                                : !strcmp(mode, "raise") ? raise_signals
                                                         : count;
    for (int i = 0; i < threads; i++)
        start(function, process * threads + i);
}

static volatile sig_atomic_t signalled;

static void take_note(int signal)
{
    (void)signal;
    signalled++;
}

static void wait_for_signals(void)
{
    struct epoll_event event;
    int epoll = epoll_create1(0);
    for (;;) {
        int result = epoll_wait(epoll, &event, 1, -1);
        if (signalled) {
            signalled = 0;
            puts("signal");
        } else
            printf("woken for nothing: %d %s\n", result, strerror(errno));
        fflush(stdout);
    }
}

static void *answer(void *unused)
{
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        unsigned long sum = 0;
        for (int i = 0; i < 512; i++)
            sum += counters[i];
        if (lost)
            puts("lost a signal\n.");
        else
            printf("%lu\n.\n", sum);
        fflush(stdout);
    }
    _exit(0);
    return unused;
}

int main(int argc, char **argv)
{
    int threads = atoi(argv[1]), children = atoi(argv[2]);
    if (argc > 3)
        mode = argv[3];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_DFL);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = take_note}, NULL);
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 1; i <= children; i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            start_all(threads, i);
            for (;;)
                pause();
        }
    start_all(threads, 0);
    printf("ready\n%p\n", (void *)counters);
    fflush(stdout);
    if (!strcmp(mode, "signals"))
        wait_for_signals();
    pthread_t thread;
    if (!strcmp(mode, "vfork")) {
        pthread_create(&thread, NULL, answer, NULL);
        if (vfork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
    }
    if (!strcmp(mode, "leaderless")) {
        pthread_create(&thread, NULL, answer, NULL);
        pthread_exit(NULL);
    }
    answer(NULL);
}
