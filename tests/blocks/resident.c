/* A program whose blocks are known, and that notices when it is not let alone.
 *
 *     resident THREADS [leaderless | vfork | signals | foreign | corrupt]
 *
 * Prints "ready" once it has what it has. A line on standard input is answered by how many SIGUSR1 arrived, how many signals that it
 * sent itself did not arrive as they should, and how often its threads have come round.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define KEEP(pointer) __asm__ volatile("" : "+r"(pointer) : : "memory")

__attribute__((noinline)) void *make_small(size_t size) { void *p = malloc(size); KEEP(p); return p; }
__attribute__((noinline)) void *make_big(size_t size) { void *p = malloc(size); KEEP(p); return p; }
__attribute__((noinline)) void *make_for_a_moment(size_t size) { void *p = malloc(size); KEEP(p); return p; }

static volatile sig_atomic_t usr1, realtime, amiss;
static volatile unsigned long rounds;

static void count(int signal)
{
    if (signal == SIGUSR1)
        usr1++;
    else
        realtime++;
}

static void *go_round(void *unused)
{
    for (;;) {
        free(make_for_a_moment(100));
        rounds++;
        usleep(100);
    }
    return unused;
}

/* Sends itself signals without end: each must have arrived when raise() returns, once. */
static void *raise_all_the_time(void *unused)
{
    for (;;) {
        sig_atomic_t before = realtime;
        raise(SIGRTMIN);
        if (realtime != before + 1)
            amiss++;
        rounds++;
    }
    return unused;
}

static void *answer(void *unused)
{
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        printf("%d %d %lu\n", usr1, amiss, rounds);
        fflush(stdout);
    }
    _exit(0);
    return unused;
}

static void start(void *(*function)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, NULL))
        abort();
}

/* A heap as another allocator might have left it: of a version that nobody knows, or without sense. */
static void forge(int version)
{
    uint64_t base = 0x100000000000;
    uint8_t *page = mmap((void *)base, 65536, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (page != (uint8_t *)base)
        abort();
    memcpy(page, "mcrxheap", 8);
    memcpy(page + 8, &version, 4);
    memcpy(page + 16, &base, 8);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[2] : "";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGUSR1, count);
    signal(SIGRTMIN, count);
    for (int i = 0; i < 100; i++)
        make_small(24);
    for (int i = 0; i < 3; i++)
        make_big(200000);
    if (!strcmp(mode, "foreign"))
        forge(99);
    if (!strcmp(mode, "corrupt"))
        forge(1);
    for (int i = 0; i < atoi(argv[1]); i++)
        start(go_round);
    if (!strcmp(mode, "signals"))
        start(raise_all_the_time);
    printf("ready %d\n", getpid());
    fflush(stdout);
    if (!strcmp(mode, "leaderless")) {
        start(answer);
        pthread_exit(NULL);
    }
    if (!strcmp(mode, "vfork") && vfork() == 0) {
        /* The parent sleeps, uninterruptibly, until this child ends: with the parent. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    answer(NULL);
}
