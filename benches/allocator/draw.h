/* Pseudo-random numbers, the same in every run and on every machine: each program here does the same work each time.
 *
 * The generator is Marsaglia's xorshift (Xorshift RNGs, 2003) with a final multiplication: a handful of instructions, so that
 * what is measured is the allocator.
 */
#ifndef DRAW_H
#define DRAW_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct draw {
    uint64_t state;
};

static inline struct draw draw_from(uint64_t seed)
{
    /* Zero would stay zero for ever; neighbouring seeds must not give neighbouring streams. */
    return (struct draw){(seed + 1) * UINT64_C(0x9E3779B97F4A7C15)};
}

static inline uint64_t draw(struct draw *draw)
{
    uint64_t x = draw->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    draw->state = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

/* Uniform in [0, limit). */
static inline uint32_t draw_below(struct draw *d, uint32_t limit)
{
    return (uint32_t)(((draw(d) >> 32) * limit) >> 32);
}

/* Uniform in [low, high]. */
static inline uint32_t draw_between(struct draw *d, uint32_t low, uint32_t high)
{
    return low + draw_below(d, high - low + 1);
}

/* What programs ask for in practice: mostly small, the odd one large. Each doubling of the size is half as likely. */
static inline uint32_t draw_size(struct draw *d, uint32_t smallest, uint32_t largest)
{
    uint32_t limit = smallest;
    uint64_t coins = draw(d);
    while ((coins & 1) != 0 && limit * 2 <= largest) {
        limit *= 2;
        coins >>= 1;
    }
    return draw_between(d, smallest, limit * 2 <= largest ? limit * 2 : largest);
}

/* A program that runs out of memory has measured nothing. */
static inline void *there(void *block)
{
    if (block == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return block;
}

/* The n-th argument as a number. */
static inline unsigned long argument(int argc, char **argv, int n, const char *usage)
{
    char *end = NULL;
    unsigned long value = n < argc ? strtoul(argv[n], &end, 10) : 0;
    if (end == NULL || end == argv[n] || *end != '\0') {
        fprintf(stderr, "usage: %s %s\n", argv[0], usage);
        exit(2);
    }
    return value;
}

#endif
