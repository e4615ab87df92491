/* Makes blocks whose number, sizes and makers are known, says so, and waits.
 *
 * Each function that makes blocks prints where its code is; each block that stays is printed with its size. Output is by write(2)
 * alone, so that no block but those is the program's. Commands come one per line on standard input; "done" answers each.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void say(const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (write(STDOUT_FILENO, line, len) != len)
        _exit(1);
}

static void report(const char *maker, const void *block, size_t size)
{
    say("block %s %lx %zu\n", maker, (unsigned long)block, size);
}

__attribute__((noinline)) void *make_small(size_t size) { void *p = malloc(size); __asm__ volatile("" ::: "memory"); return p; }
__attribute__((noinline)) void *make_zeroed(size_t n, size_t size) { void *p = calloc(n, size); __asm__ volatile("" ::: "memory"); return p; }
__attribute__((noinline)) void *make_large(size_t size) { void *p = malloc(size); __asm__ volatile("" ::: "memory"); return p; }
__attribute__((noinline)) void *make_aligned(size_t align, size_t size) { void *p = aligned_alloc(align, size); __asm__ volatile("" ::: "memory"); return p; }
__attribute__((noinline)) void *make_again(void *old, size_t size) { void *p = realloc(old, size); __asm__ volatile("" ::: "memory"); return p; }
__attribute__((noinline)) void *make_in_thread(size_t size) { void *p = malloc(size); __asm__ volatile("" ::: "memory"); return p; }
__attribute__((noinline)) void *make_in_child(size_t size) { void *p = malloc(size); __asm__ volatile("" ::: "memory"); return p; }
__attribute__((noinline)) void *make_many(size_t size) { void *p = malloc(size); __asm__ volatile("" ::: "memory"); return p; }

static void *kept[1000];

static void makers(void)
{
    say("maker make_small %lx\n", (unsigned long)make_small);
    say("maker make_zeroed %lx\n", (unsigned long)make_zeroed);
    say("maker make_large %lx\n", (unsigned long)make_large);
    say("maker make_aligned %lx\n", (unsigned long)make_aligned);
    say("maker make_again %lx\n", (unsigned long)make_again);
    say("maker make_in_thread %lx\n", (unsigned long)make_in_thread);
    say("maker make_in_child %lx\n", (unsigned long)make_in_child);
    say("maker make_many %lx\n", (unsigned long)make_many);
}

static void *thread(void *unused)
{
    for (int i = 0; i < 50; i++)
        report("make_in_thread", make_in_thread(77), 77);
    /* Freed by another thread than their maker's. */
    for (int i = 900; i < 1000; i++)
        free(kept[i]);
    return unused;
}

static void known(void)
{
    for (int i = 0; i < 1000; i++)
        kept[i] = make_small(1 + i % 60);
    pthread_t other;
    if (pthread_create(&other, NULL, thread, NULL) || pthread_join(other, NULL))
        _exit(1);
    for (int i = 0; i < 900; i++) {
        if (i % 3 == 0)
            free(kept[i]);
        else
            report("make_small", kept[i], 1 + i % 60);
    }
    for (int i = 0; i < 100; i++)
        report("make_zeroed", make_zeroed(i + 1, 100), (i + 1) * 100);
    for (int i = 0; i < 5; i++)
        report("make_large", make_large(300000 + i), 300000 + i);
    free(make_large(5000000));
    report("make_aligned", make_aligned(4096, 100), 100);
    report("make_aligned", make_aligned(1 << 20, 100), 100);
    report("make_again", make_again(make_small(10), 10000), 10000);
    report("make_again", make_again(make_large(100000), 3000000), 3000000);
    void *whole = make_small(100);
    malloc_usable_size(whole);
    report("make_small", whole, 100);
    say("whole %lx\n", (unsigned long)whole);
    report("make_small", make_small(0), 0);
}

/* The child makes ten blocks, frees some of its parent's, and waits in its turn. */
static int fork_child(void)
{
    pid_t child = fork();
    if (child < 0)
        _exit(1);
    if (child > 0)
        return say("child %d\n", child), 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 10; i++)
        report("make_in_child", make_in_child(200 + i), 200 + i);
    for (int i = 0; i < 900; i++)
        if (i % 3 == 1) {
            say("freed %lx\n", (unsigned long)kept[i]);
            free(kept[i]);
        }
    say("ready %d\n", getpid());
    return 1;
}

static void million(void)
{
    unsigned long sum = 0;
    for (long i = 0; i < 1000000; i++)
        sum += (unsigned long)make_many(1 + i % 200);
    say("sum %lx\n", sum);
}

/* Makes and frees without end. */
static void *churn(void *seed)
{
    void *blocks[256] = {0};
    uint32_t state = (uint32_t)(uintptr_t)seed;
    for (;;) {
        state = state * 1664525 + 1013904223;
        unsigned slot = state >> 24;
        free(blocks[slot]);
        blocks[slot] = make_small((state >> 8) % 400 + ((state >> 8) % 97 == 0 ? 100000 : 0));
    }
    return seed;
}

int main(void)
{
    char line[64];
    /* Stopped or not, it ends with whoever started it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    makers();
    for (;;) {
        say("done\n");
        size_t len = 0;
        while (len < sizeof line - 1) {
            ssize_t got = read(STDIN_FILENO, line + len, 1);
            if (got <= 0)
                return 0;
            if (line[len] == '\n')
                break;
            len++;
        }
        line[len] = 0;
        if (!strcmp(line, "known"))
            known();
        else if (!strcmp(line, "million"))
            million();
        else if (!strcmp(line, "churn")) {
            for (uintptr_t i = 1; i <= 2; i++) {
                pthread_t other;
                if (pthread_create(&other, NULL, churn, (void *)i))
                    _exit(1);
            }
        } else if (!strcmp(line, "fork")) {
            if (fork_child()) {
                /* Until the parent's end of the pipe is closed. */
                while (read(STDIN_FILENO, line, sizeof line) > 0) { }
                _exit(0);
            }
        }
    }
}
