/* Threads that are nearly always in the middle of something: they take a lock, work, send themselves a signal, give the lock back, make a
   thread and wait for it, and rest for a moment. With "stuck" one of them keeps the lock for ever. Prints "ready", then the lock's address. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 6 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int inside;
static const char *volatile trouble;
static atomic_long rounds;
static __thread volatile sig_atomic_t arrived;

static void count_signal(int signal) {
    (void)signal;
    arrived++;
}

static void *nothing(void *unused) { return unused; }

static void *work(void *kind) {
    struct timespec little = {0, 200000};
    for (long round = 1;; round++) {
        pthread_mutex_lock(&lock);
        if (inside++)
            trouble = "two are inside";
        for (volatile int i = 0; i < 100000; i++)
            ;
        pthread_kill(pthread_self(), SIGUSR2);
        if (arrived != round)
            trouble = "a signal was lost";
        inside--;
        pthread_mutex_unlock(&lock);
        if (kind == NULL) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
                trouble = "no thread";
        }
        atomic_fetch_add(&rounds, 1);
        if (nanosleep(&little, NULL))
            trouble = "nanosleep";
    }
    return NULL;
}

static void *keep(void *unused) {
    pthread_mutex_lock(&lock);
    *(volatile int *)unused = 1;
    for (;;)
        pause();
    return NULL;
}

int main(int argc, char **argv) {
    char line[64];
    pthread_t thread;
    volatile int kept = 0;
    struct sigaction action = {.sa_handler = count_signal};
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGUSR2, &action, NULL);
    if (argc > 1 && !strcmp(argv[1], "stuck")) {
        pthread_create(&thread, NULL, keep, (void *)&kept);
        while (!kept)
            usleep(100);
    }
    for (long kind = 0; kind < THREADS; kind++)
        pthread_create(&thread, NULL, work, (void *)kind);
    printf("ready\n%p\n", (void *)&lock);
    while (fgets(line, sizeof line, stdin))
        printf("%s\n%ld\n.\n", trouble ? trouble : "fine", atomic_load(&rounds));
    return 0;
}
