// One stack with every kind of frame that compilers make, down to `stop_here`, where a debugger stops it. Another thread waits meanwhile.

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))
#define INTO static inline __attribute__((always_inline))

struct pair { long first; int second; };
struct wide { char text[40]; struct pair pairs[3]; union { int number; void *pointer; } either; };
enum color { RED, GREEN = 5, BLUE };

static volatile int sink;
static int begun, done;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

APART void stop_here(void) { __asm__ volatile("" ::: "memory"); }

// A jump, with optimisation: no frame of its own.
APART void by_a_jump(int unused) { (void)unused; sink++; stop_here(); }

// Parameters that are dead after the call: known by what the caller passed, if at all.
APART int with_dead_parameters(int first, long second, struct pair *third, const char *fourth) {
    int sum = first + (int)second;
    static int times = 0;
    times++;
    sink += sum + third->second + fourth[0];
    by_a_jump(first);
    return times;
}

APART long by_value(struct pair pair, enum color color, unsigned char small, short narrow) {
    long kept = pair.first * 3;
    struct pair other = { pair.first + 1, pair.second + 2 };
    int result = with_dead_parameters(7, kept + other.first, &pair, "text");
    return kept + other.first + other.second + color + small + narrow + result;
}

INTO int innermost(int value, const char *why) {
    int squared = value * value;
    const int constant = 12;
    {
        int in_block = squared + constant;
        struct pair pair = { in_block, squared };
        sink += (int)by_value(pair, BLUE, (unsigned char)value, (short)-value);
        squared += in_block;
    }
    return squared + why[0];
}

INTO int inlined_twice(int base) {
    int first = innermost(base + 1, "one");
    return first + base;
}

APART int recursive(int depth, struct wide *wide) {
    int before = depth * 10;
    char local[16];
    snprintf(local, sizeof local, "depth %d", depth);
    int below = depth > 0 ? recursive(depth - 1, wide) : inlined_twice((int)strlen(local));
    wide->pairs[0].second += below;
    return below + before + local[0];
}

APART int variadic(int count, ...) {
    va_list list;
    va_start(list, count);
    int total = 0;
    for (int i = 0; i < count; i++) total += va_arg(list, int);
    va_end(list);
    struct wide wide = { .text = "wide", .pairs = { { 1, 2 }, { 3, 4 } }, .either.number = total };
    int result = recursive(3, &wide);
    return result + total + wide.pairs[0].second;
}

// Saves all registers that are to be saved.
APART long many_live(long a, long b, long c, long d, long e, long f) {
    long g = a * b, h = c * d, i = e * f, j = a ^ f;
    int result = variadic(3, 1, 2, 3);
    return a + b + c + d + e + f + g + h + i + j + result;
}

static void handler(int number, siginfo_t *info, void *context) {
    volatile int seen = number;
    sink += (int)many_live(seen, 2, 3, 4, info->si_signo, context != NULL);
}

static int compare(const void *left, const void *right) {
    static int once;
    int result = *(const int *)left - *(const int *)right;
    if (!once++) {
        raise(SIGUSR1);
        sink += result;
    }
    return result;
}

// The stack pointer is rounded: the frame is found by an expression.
APART int aligned(int value) {
    struct wide block __attribute__((aligned(64)));
    memset(&block, value, sizeof block);
    int numbers[4] = { value, value - 1, 3, (int)((uintptr_t)&block & 63) };
    qsort(numbers, 4, sizeof *numbers, compare);
    return numbers[0] + block.text[0];
}

// The frame is found by rbp.
APART int of_variable_length(int length) {
    int array[length];
    for (int i = 0; i < length; i++) array[i] = i * i;
    int result = aligned(array[length - 1]);
    return result + array[0];
}

static int (*volatile by_pointer)(int) = of_variable_length;

static void *waiting(void *argument) {
    int *flag = argument;
    pthread_mutex_lock(&lock);
    begun = 1;
    pthread_cond_broadcast(&changed);
    while (!*flag) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return flag;
}

int main(int count, char **words) {
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGUSR1, &action, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, waiting, &done);
    pthread_mutex_lock(&lock);
    while (!begun) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    unsigned bits = 0x5A5A;
    double real = count * 1.5;
    int result = by_pointer(5 + count);
    pthread_mutex_lock(&lock);
    done = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    return printf("%d %u %f %s\n", result, bits, real, words[0]) < 0;
}
