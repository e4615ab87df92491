/* Loops of malloc and free whose instructions are counted by callgrind: `main` calls each once, after `warm_up` has, so that
 * neither the allocator's first steps nor the dynamic linker's are in what `main`'s calls cost.
 *
 * usage: instructions
 */
#include "draw.h"

enum { PAIRS = 100000, BATCH = 100, SIZE = 64 };

static uint32_t size_of[BATCH];
static void *volatile sink;

/* What the loops cost that is not malloc's or free's. */
__attribute__((noinline)) static void empty(void)
{
    for (unsigned i = 0; i < PAIRS; i++)
        sink = size_of;
}

/* One block at a time: the same one again and again. */
__attribute__((noinline)) static void pair(void)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        sink = malloc(SIZE);
        free(sink);
    }
}

/* A hundred blocks, freed in the order in which they were made. */
__attribute__((noinline)) static void batch(void)
{
    void *block[BATCH];
    for (unsigned i = 0; i < PAIRS / BATCH; i++) {
        for (unsigned j = 0; j < BATCH; j++)
            block[j] = malloc(SIZE);
        for (unsigned j = 0; j < BATCH; j++)
            free(block[j]);
    }
}

/* The same with a hundred sizes up to 1 KiB. */
__attribute__((noinline)) static void mixed(void)
{
    void *block[BATCH];
    for (unsigned i = 0; i < PAIRS / BATCH; i++) {
        for (unsigned j = 0; j < BATCH; j++)
            block[j] = malloc(size_of[j]);
        for (unsigned j = 0; j < BATCH; j++)
            free(block[j]);
    }
}

__attribute__((noinline)) static void warm_up(void)
{
    empty();
    pair();
    batch();
    mixed();
}

int main(void)
{
    struct draw random = draw_from(1);
    for (unsigned i = 0; i < BATCH; i++)
        size_of[i] = draw_size(&random, 16, 1024);
    warm_up();
    empty();
    pair();
    batch();
    mixed();
    printf("%d pairs in each loop\n", PAIRS);
    return 0;
}
