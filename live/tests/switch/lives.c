/* Threads with two lives: as many that live the first, and one more that live the second. Each waits in its own way, and checks what is its
   own whenever it wakes. A tester gives threads of the first life the parts of those of the second. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 32, WAYS = 5 };

struct life {
    int number;
    int which;
    pthread_t thread;
    pthread_mutex_t mutex, checked;
    pthread_cond_t condition;
    int woken;
    int event, epoll, pipe[2];
    atomic_long rounds;
    atomic_int tid;
    char alternate[65536];
};

static struct life lives[2][MOST];
static int counts[2];
static atomic_int over[2];
static const char *volatile trouble;
static atomic_int handled;
static __thread int own;

static void wait_for_work(struct life *life) {
    struct epoll_event event;
    struct pollfd poll_for = {life->event, POLLIN, 0};
    struct timespec little = {0, 3000000};
    char byte;
    uint64_t count;
    switch (life->which % WAYS) {
    case 0:
        pthread_mutex_lock(&life->mutex);
        while (!life->woken)
            pthread_cond_wait(&life->condition, &life->mutex);
        life->woken = 0;
        pthread_mutex_unlock(&life->mutex);
        break;
    case 1:
        while (epoll_wait(life->epoll, &event, 1, -1) < 1)
            if (errno != EINTR)
                trouble = "epoll_wait";
        if (event.data.u64 != (uint64_t)life->number * 1000 + life->which)
            trouble = "another's event";
        if (read(life->event, &count, 8) != 8)
            trouble = "eventfd";
        break;
    case 2:
        if (clock_nanosleep(CLOCK_MONOTONIC, 0, &little, NULL))
            trouble = "clock_nanosleep";
        break;
    case 3:
        while (poll(&poll_for, 1, -1) < 1)
            if (errno != EINTR)
                trouble = "poll";
        if (read(life->event, &count, 8) != 8)
            trouble = "eventfd after poll";
        break;
    case 4:
        if (read(life->pipe[0], &byte, 1) != 1)
            trouble = "read";
        break;
    }
}

static void wake(struct life *life) {
    uint64_t one = 1;
    pthread_mutex_lock(&life->mutex);
    life->woken = 1;
    pthread_cond_signal(&life->condition);
    pthread_mutex_unlock(&life->mutex);
    if (write(life->event, &one, 8) != 8 || write(life->pipe[1], "x", 1) != 1)
        trouble = "wake";
}

static void check(struct life *life) {
    int tid = (int)syscall(SYS_gettid);
    unsigned processor;
    if (own != life->number * 1000 + life->which)
        trouble = "another's thread-local variable";
    if (!pthread_equal(pthread_self(), life->thread))
        trouble = "another's pthread_self";
    if (pthread_mutex_lock(&life->checked) || life->checked.__data.__owner != tid)
        trouble = "a lock belongs to another number";
    if (pthread_mutex_lock(&life->checked) != EDEADLK || pthread_mutex_unlock(&life->checked))
        trouble = "a lock that checks errors";
    stack_t stack;
    if (sigaltstack(NULL, &stack) || stack.ss_sp != life->alternate)
        trouble = "another's alternate stack";
    for (int attempt = 0; attempt < 100; attempt++) {
        int told = sched_getcpu();
        syscall(SYS_getcpu, &processor, NULL, NULL);
        if (told == (int)processor)
            break;
        if (attempt == 99)
            trouble = "the processor's number is not written where it is read";
    }
    atomic_store(&life->tid, tid);
}

static void live(struct life *life) {
    char name[16];
    stack_t stack = {.ss_sp = life->alternate, .ss_size = sizeof life->alternate};
    snprintf(name, sizeof name, "life-%d-%d", life->number, life->which);
    pthread_setname_np(pthread_self(), name);
    sigaltstack(&stack, NULL);
    own = life->number * 1000 + life->which;
    double sum = 0;
    do {
        check(life);
        sum += 0.5;
        atomic_fetch_add(&life->rounds, 1);
        wait_for_work(life);
        if (sum * 2 != (double)atomic_load(&life->rounds))
            trouble = "floating-point registers";
    } while (!atomic_load(&over[life->number]));
}

void *first_life(void *life) {
    live(life);
    return NULL;
}

void *second_life(void *life) {
    live(life);
    return NULL;
}

static atomic_long queued;

static void count_queued(int signal) {
    (void)signal;
    atomic_fetch_add(&queued, 1);
}

void first_handler(int signal) { atomic_store(&handled, signal * 10 + 1); }
void second_handler(int signal) { atomic_store(&handled, signal * 10 + 2); }

static void start(int number, int count, void *(*routine)(void *)) {
    counts[number] = count;
    for (int which = 0; which < count; which++) {
        struct life *life = &lives[number][which];
        pthread_mutexattr_t attributes;
        struct epoll_event event = {EPOLLIN, {.u64 = (uint64_t)number * 1000 + which}};
        life->number = number;
        life->which = which;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
        pthread_mutex_init(&life->checked, &attributes);
        pthread_mutex_init(&life->mutex, NULL);
        pthread_cond_init(&life->condition, NULL);
        life->event = eventfd(0, EFD_NONBLOCK);
        life->epoll = epoll_create1(0);
        epoll_ctl(life->epoll, EPOLL_CTL_ADD, life->event, &event);
        if (pipe(life->pipe))
            abort();
        pthread_create(&life->thread, NULL, routine, life);
    }
}

int main(int argc, char **argv) {
    char line[64];
    int count = argc > 1 ? atoi(argv[1]) : 1;
    struct sigaction action = {.sa_handler = first_handler, .sa_flags = SA_RESTART};
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGUSR1, &action, NULL);
    /* These are for the main thread: others say what interrupts them. */
    sigset_t queued_signals;
    struct sigaction counted = {.sa_handler = count_queued, .sa_flags = SA_RESTART};
    sigaction(SIGRTMIN, &counted, NULL);
    sigemptyset(&queued_signals);
    sigaddset(&queued_signals, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &queued_signals, NULL);
    start(0, count, first_life);
    start(1, count + 1, second_life);
    pthread_sigmask(SIG_UNBLOCK, &queued_signals, NULL);
    printf("ready\n%p %p %p\n", (void *)first_life, (void *)second_life, (void *)second_handler);
    while (fgets(line, sizeof line, stdin)) {
        int number = line[strcspn(line, " ")] ? atoi(line + strcspn(line, " ")) : 0;
        if (!strncmp(line, "wake", 4)) {
            for (int which = 0; which < counts[number]; which++)
                wake(&lives[number][which]);
        } else if (!strncmp(line, "rounds", 6)) {
            for (int which = 0; which < counts[number]; which++)
                printf("%ld %d\n", atomic_load(&lives[number][which].rounds), atomic_load(&lives[number][which].tid));
        } else if (!strncmp(line, "check", 5)) {
            puts(trouble ? trouble : "fine");
        } else if (!strncmp(line, "signal", 6)) {
            raise(SIGUSR1);
            printf("%d\n", atomic_load(&handled) % 10);
        } else if (!strncmp(line, "queued", 6)) {
            printf("%ld\n", atomic_load(&queued));
        } else if (!strncmp(line, "join", 4)) {
            atomic_store(&over[number], 1);
            for (int which = 0; which < counts[number]; which++) {
                wake(&lives[number][which]);
                pthread_join(lives[number][which].thread, NULL);
            }
            puts("joined");
        }
        puts(".");
    }
    return 0;
}
