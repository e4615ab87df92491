// One generation of a program that is updated while it runs: it takes the heap of the generation before over, works on, and stays.
//
//   generation THREADS SLOTS SEED [PREDECESSOR BASE ROOT]
//
// PREDECESSOR is a process that sits in its last read(2); BASE is where its heap lies, ROOT where its table of blocks is in it.
// It takes the heap over with every other thread held at a barrier. Then it checks all of the table, works on it with its threads, and prints
//
//   BASE ROOT regions REGIONS mappings MAPPINGS kib RSS
//
// on standard output, after which it waits for the end of standard input. Exit status 1 and a message: something was wrong.

#include "transplant.h"
#include <malloc.h>
#include <pthread.h>

struct block {
    unsigned char *address;
    uint64_t size, pattern;
};

struct table {
    uint64_t slots;
    struct block blocks[];
};

static struct table *table;
static uint64_t threads, seed;
static pthread_barrier_t held, released;

static uint64_t next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static uint64_t below(uint64_t *state, uint64_t bound) { return (next(state) >> 11) % bound; }

static unsigned char byte_at(uint64_t pattern, uint64_t offset) { return (pattern + offset * 0x9e3779b97f4a7c15u) >> 56; }

static void fill(struct block *block) {
    for (uint64_t i = 0; i < block->size; i += i < 256 ? 1 : 4001) block->address[i] = byte_at(block->pattern, i);
}

static void check(const struct block *block, uint64_t size) {
    for (uint64_t i = 0; i < size; i += i < 256 ? 1 : 4001)
        if (block->address[i] != byte_at(block->pattern, i)) fail("%p of %lu bytes is altered at %lu", block->address, block->size, i);
}

static uint64_t some_size(uint64_t *state) {
    uint64_t kind = below(state, 100);
    if (kind < 85) return below(state, 16 << below(state, 7));
    if (kind < 98) return below(state, 1024 << below(state, 7));
    return below(state, 65536 << below(state, 6));
}

static void make(struct block *block, uint64_t *state) {
    block->size = some_size(state);
    block->pattern = next(state);
    block->address = malloc(block->size);
    if (!block->address) fail("no memory for %lu bytes", block->size);
    fill(block);
}

static void work_on(struct block *block, uint64_t *state) {
    if (!block->address) return make(block, state);
    check(block, block->size);
    if (malloc_usable_size(block->address) < block->size) fail("%p is too small", block->address);
    if (below(state, 3)) {
        free(block->address);
        block->address = NULL;
        return;
    }
    uint64_t size = 1 + some_size(state), kept = size < block->size ? size : block->size;
    block->address = realloc(block->address, size);
    if (!block->address) fail("no memory to resize to %lu bytes", size);
    check(block, kept);
    block->size = size;
    fill(block);
}

// Before and after the update: on blocks of the start-up heap, then on those of the table.
static void *thread_main(void *argument) {
    uint64_t number = (uint64_t)argument, state = seed * 977 + number * 31 + 7;
    enum { YOUNG = 200 };
    struct block young[YOUNG] = {0};
    for (int i = 0; i < YOUNG; i++) make(&young[i], &state);
    pthread_barrier_wait(&held);
    pthread_barrier_wait(&released);
    uint64_t share = table->slots / threads;
    for (uint64_t i = 0; i < 2 * share || i < YOUNG; i++) {
        work_on(&table->blocks[number * share + below(&state, share)], &state);
        if (i < YOUNG) {
            check(&young[i], young[i].size);
            free(young[i].address);
        }
    }
    return NULL;
}

static uint64_t count_lines(const char *path, uint64_t from, uint64_t to) {
    FILE *file = fopen(path, "r");
    char line[512];
    uint64_t start, count = 0;
    while (file && fgets(line, sizeof line, file)) count += sscanf(line, "%lx", &start) == 1 && start >= from && start < to;
    if (file) fclose(file);
    return count;
}

int main(int count, char **words) {
    if (count < 4) fail("usage: generation THREADS SLOTS SEED [PREDECESSOR BASE ROOT]");
    threads = strtoul(words[1], 0, 0);
    seed = strtoul(words[3], 0, 0);
    uint64_t slots = strtoul(words[2], 0, 0), state = seed * 7919 + 1;
    pthread_barrier_init(&held, 0, threads + 1);
    pthread_barrier_init(&released, 0, threads + 1);
    pthread_t running[8];
    // On stacks of their own: libc keeps its own stacks for later threads, with a block of the start-up heap each.
    static _Alignas(65536) char stacks[8][1 << 18];
    if (threads > 8) fail("at most 8 threads");
    for (uint64_t i = 0; i < threads; i++) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstack(&attributes, stacks[i], sizeof stacks[i]);
        if (pthread_create(&running[i], &attributes, thread_main, (void *)i)) fail("no thread");
        pthread_attr_destroy(&attributes);
    }
    pthread_barrier_wait(&held);
    if (count > 4) {
        inherit(atoi(words[4]), strtoul(words[5], 0, 0));
        table = (struct table *)strtoul(words[6], 0, 0);
        for (uint64_t i = 0; i < table->slots; i++)
            if (table->blocks[i].address) check(&table->blocks[i], table->blocks[i].size);
    } else {
        table = calloc(1, sizeof *table + slots * sizeof table->blocks[0]);
        table->slots = slots;
        for (uint64_t i = 0; i < slots; i++) make(&table->blocks[i], &state);
    }
    pthread_barrier_wait(&released);
    for (uint64_t i = 0; i < threads; i++) pthread_join(running[i], 0);
    malloc_trim(0);
    uint64_t home = (uint64_t)table & -REGION, regions = 1 + __builtin_popcountl(*(uint64_t *)(home + ADOPTED));
    char text[200];
    uint64_t resident = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &ignored, &resident) != 2) fail("no statm");
    fclose(file);
    int length = snprintf(text, sizeof text, "%#lx %p regions %lu mappings %lu kib %lu\n", home, (void *)table, regions,
                          count_lines("/proc/self/maps", home, home + REGION), resident * 4);
    if (write(1, text, length) != length) fail("nobody listens");
    return read(0, text, 1) != 0;
}
