// Pools as servers have them: a block from which parts are cut from front to back, large requests passed on, reset and destroyed as a whole.
// Says where the live parts are, their sizes, and the child's number if there is one; then waits.

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pool {
    char *last, *end;
    struct pool *next;
};

enum { POOL = 1000, LARGE = 600, THREADS = 4, CALLS = 200000 };

static struct pool *pool_create(void) {
    struct pool *pool = malloc(POOL);
    pool->last = (char *)(pool + 1);
    pool->end = (char *)pool + POOL;
    pool->next = NULL;
    return pool;
}

__attribute__((noinline)) void *pool_alloc(struct pool *pool, size_t size) {
    if (size > LARGE)
        return malloc(size);
    char *start = (char *)(((uintptr_t)pool->last + 15) & ~(uintptr_t)15);
    if (start + size > pool->end)
        return NULL;
    pool->last = start + size;
    return start;
}

// Its first instruction depends on where it lies, and it goes over to the one above.
size_t zeroed;
__attribute__((noinline)) void *pool_zalloc(struct pool *pool, size_t size) {
    zeroed += size;
    void *part = pool_alloc(pool, size);
    if (part)
        memset(part, 0, size);
    return part;
}

// A call among its first instructions, and nothing kept.
__attribute__((noinline)) void *pool_any(struct pool *pool, size_t size) {
    return pool_alloc(pool, size);
}

static void say(void *part, size_t size) {
    printf("%lx:%zu ", (unsigned long)part, size);
}

__attribute__((noinline)) void *caller_one(struct pool *pool, size_t size) {
    void *part = pool_alloc(pool, size);
    *(volatile char *)part = 1;
    return part;
}

__attribute__((noinline)) void *caller_two(struct pool *pool, size_t size) {
    void *part = pool_zalloc(pool, size);
    *(volatile char *)part = 2;
    return part;
}

__attribute__((noinline)) void *caller_three(struct pool *pool, size_t size) {
    void *part = pool_any(pool, size);
    *(volatile char *)part = 3;
    return part;
}

// Values that live across calls, in as many registers as there are.
__attribute__((noinline)) static double sums(struct pool *pool, long a, double x) {
    long b = a * 3, c = a ^ 5, d = a + 7;
    double y = x * 2, z = x + 1;
    for (int i = 0; i < 20; i++) {
        char *part = pool_alloc(pool, 8);
        b += c ^ (part == NULL), c += d, d += b;
        y += z * x, z += y;
    }
    return (double)(b ^ c ^ d) + y + z;
}

static struct pool *kept[THREADS];

static void *work(void *argument) {
    size_t number = (size_t)argument;
    struct pool *pool = pool_create();
    for (size_t i = 0; i < CALLS; i++) {
        size_t size = (i * 7 + number) % 40;
        if (!pool_alloc(pool, size))
            pool->last = (char *)(pool + 1);
        if (i % 1000 == 999) {
            free(pool);
            pool = pool_create();
        }
    }
    kept[number] = pool;
    for (size_t i = 0; i < 5; i++)
        caller_one(pool, 10 + number);
    return NULL;
}

int main(int argc, char **argv) {
    struct pool *first = pool_create(), *second = pool_create(), *third = pool_create();
    say(caller_one(first, 24), 24);
    say(caller_two(first, 40), 40);
    say(caller_three(first, 56), 56);
    // Passed on: a block, no part.
    void *large = caller_one(first, LARGE + 1);
    say(caller_one(first, 8), 8);
    // Reset and used again.
    for (int i = 0; i < 10; i++)
        caller_one(second, 33);
    second->last = (char *)(second + 1);
    say(caller_two(second, 100), 100);
    // Destroyed: its place is that of the next of its size.
    caller_one(third, 77);
    free(third);
    struct pool *fourth = pool_create();
    double got = sums(fourth, 11, 1.5);
    fourth->last = (char *)(fourth + 1);
    if (got != sums(fourth, 11, 1.5))
        return 1;
    fourth->last = (char *)(fourth + 1);
    say(caller_one(fourth, 1), 1);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++) {
        char *part = (char *)(((uintptr_t)(kept[i] + 1) + 15) & ~(uintptr_t)15);
        for (size_t j = 0; j < 5; j++, part = (char *)(((uintptr_t)part + 10 + i + 15) & ~(uintptr_t)15))
            say(part, 10 + i);
    }
    if (argc > 1 && !strcmp(argv[1], "fork") && fork() == 0) {
        // A child of its own pools, and of its parent's.
        say(caller_one(first, 12), 12);
        struct pool *own = pool_create();
        say(caller_three(own, 13), 13);
    } else if (argc > 1) {
        pause();
    }
    printf("large %lx pid %d\n", (unsigned long)large, getpid());
    fflush(stdout);
    getchar();
    return 0;
}
