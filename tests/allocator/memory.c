// Memory that is not needed goes back to the system, and what a program uses again and again does not grow.
//
//   memory huge         blocks of many megabytes: gone as soon as they are freed
//   memory small        hundreds of thousands of small blocks: gone after the purge delay, which the environment sets
//   memory trim         the same, by malloc_trim, at once
//   memory passed       blocks made by one thread and freed by another, for ever
//   memory moved        large blocks that grow and shrink, so that their pages are moved
//
// Exit status 1 and a message: something was wrong.

#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIB (1l << 20)

static _Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static long resident_kib(void) {
    long ignored, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2) fail("no statm");
    fclose(file);
    return pages * 4;
}

static long mappings(void) {
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];
    long count = 0;
    while (file && fgets(line, sizeof line, file)) count++;
    if (file) fclose(file);
    return count;
}

static void at_most(const char *when, long before, long more) {
    long now = resident_kib();
    printf("%s: %ld KiB, before %ld\n", when, now, before);
    if (now > before + more) fail("%s: %ld KiB too many", when, now - before - more);
}

static void huge(void) {
    long before = resident_kib();
    for (int turn = 0; turn < 20; turn++) {
        char *block = malloc(64 * MIB), *zero = calloc(64, MIB);
        if (!block || !zero) fail("no memory");
        memset(block, 1, 64 * MIB);
        if (zero[17 * MIB]) fail("calloc gave old bytes");
        memset(zero, 1, 64 * MIB);
        free(block);
        free(zero);
        at_most("freed", before, 4096);
    }
}

enum { SMALL = 400000 };
static char *small[SMALL];
static void *volatile kept;

static void make_small(void) {
    for (int i = 0; i < SMALL; i++) {
        size_t size = 16 + (size_t)i * 7919 % 600;
        small[i] = malloc(size);
        memset(small[i], 1, size);
    }
}

static void free_small(void) {
    for (int i = 0; i < SMALL; i++) free(small[i]);
}

static void wait_ms(long ms) {
    struct timespec delay = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&delay, NULL);
}

static void *volatile kept;

static void small_blocks(void) {
    memset(small, 1, sizeof small);
    long before = resident_kib();
    for (int turn = 0; turn < 3; turn++) {
        make_small();
        if (resident_kib() < before + 100 * 1024) fail("they take no memory");
        free_small();
        // Whoever allocates after the delay gives back what has been free since before it; the program goes on allocating.
        for (int i = 0; i < 20; i++) {
            wait_ms(20);
            // Kept where the compiler cannot see that nothing is done with it.
            kept = malloc(100000);
            free(kept);
        }
        at_most("freed and waited", before, 6 * 1024);
    }
}

static void trim(void) {
    memset(small, 1, sizeof small);
    long before = resident_kib();
    make_small();
    free_small();
    malloc_trim(0);
    at_most("trimmed", before, 6 * 1024);
}

enum { RING = 4096, PASSED = 3000000 };
static _Atomic(char *) ring[RING];

static void *produce(void *nothing) {
    uint64_t random = 88172645463325252u;
    for (long i = 0; i < PASSED; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t size = 8 + random % 500;
        char *block = malloc(size);
        memset(block, 1, size);
        while (atomic_load(&ring[i % RING])) sched_yield();
        atomic_store(&ring[i % RING], block);
    }
    return nothing;
}

static void passed(void) {
    pthread_t producer;
    long before = resident_kib();
    pthread_create(&producer, NULL, produce, NULL);
    for (long i = 0; i < PASSED; i++) {
        char *block;
        while (!(block = atomic_load(&ring[i % RING]))) sched_yield();
        atomic_store(&ring[i % RING], NULL);
        free(block);
        if (i % 500000 == 499999) at_most("passed", before, 12 * 1024);
    }
    pthread_join(producer, NULL);
}

static void moved(void) {
    enum { BLOCKS = 24, TURNS = 20000 };
    unsigned char *blocks[BLOCKS] = {0};
    size_t sizes[BLOCKS] = {0};
    uint64_t random = 88172645463325252u;
    for (int turn = 0; turn < TURNS; turn++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int i = (int)(random % BLOCKS);
        size_t size = MIB + (random >> 20) % (3 * MIB);
        unsigned char *block = realloc(blocks[i], size);
        if (!block) fail("no memory in turn %d, with %ld mappings", turn, mappings());
        size_t kept = sizes[i] < size ? sizes[i] : size;
        if (kept && (block[0] != i || block[kept - 1] != (kept == sizes[i] ? i : block[kept - 1]))) fail("altered in turn %d", turn);
        block[0] = block[size - 1] = (unsigned char)i;
        blocks[i] = block;
        sizes[i] = size;
    }
    printf("%ld mappings\n", mappings());
    if (mappings() > 2000) fail("%ld mappings", mappings());
}

int main(int count, char **words) {
    const char *kind = count > 1 ? words[1] : "";
    if (!strcmp(kind, "huge")) huge();
    else if (!strcmp(kind, "small")) small_blocks();
    else if (!strcmp(kind, "trim")) trim();
    else if (!strcmp(kind, "passed")) passed();
    else if (!strcmp(kind, "moved")) moved();
    else fail("huge, small, trim, passed or moved");
    return 0;
}
