/* A process that runs for long and whose wishes change: blocks of one range of sizes are replaced, one by one and in no order, by
 * those of the next, while as many bytes as ever live. What the old sizes left behind is either used for the new ones, or lost.
 *
 * The question is that of Johnstone and Wilson, The Memory Fragmentation Problem: Solved? (ISMM 1998); the workload is ours: a cache
 * of records whose kind changes every so often. At the end most of it is dropped, as a server does after a burst, and what
 * the process still holds then is reported.
 *
 * usage: fragment MEBIBYTES PHASES
 */
#include "draw.h"
#include "resident.h"
#include <string.h>
#include <time.h>

struct block {
    unsigned char *bytes;
    uint32_t size;
};

/* The ranges overlap: sizes drift rather than jump. */
static const uint32_t range[][2] = {
    {16, 128}, {64, 400}, {200, 1200}, {40, 90}, {900, 5000}, {24, 2000}, {3000, 20000}, {16, 256},
};

static struct block make(struct draw *random, unsigned phase)
{
    const uint32_t *sizes = range[phase % (sizeof range / sizeof range[0])];
    struct block block = {.size = draw_between(random, sizes[0], sizes[1])};
    block.bytes = there(malloc(block.size));
    /* Every page of it is used. */
    memset(block.bytes, (int)phase, block.size);
    return block;
}

int main(int argc, char **argv)
{
    size_t target = argument(argc, argv, 1, "MEBIBYTES PHASES") << 20;
    unsigned long phases = argument(argc, argv, 2, "MEBIBYTES PHASES");
    struct draw random = draw_from(5);

    /* Room for as many of the smallest as can be. Untouched, most of it is never there. */
    size_t room = target / 16, count = 0, live = 0;
    struct block *block = there(malloc(room * sizeof *block));
    unsigned long made = 0, checksum = 0;
    for (unsigned phase = 0; phase < phases; phase++) {
        /* So many bytes come in this phase that, chances being equal, hardly anything old is left. */
        for (size_t come = 0; come < target * 2;) {
            struct block new = make(&random, phase);
            made++;
            come += new.size;
            live += new.size;
            while (live > target && count > 0) {
                uint32_t victim = draw_below(&random, (uint32_t)count);
                checksum += block[victim].bytes[block[victim].size - 1];
                live -= block[victim].size;
                free(block[victim].bytes);
                block[victim] = block[--count];
            }
            if (count < room)
                block[count++] = new;
            else
                free(new.bytes);
        }
    }
    /* The burst is over: one in twenty stays. */
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (draw_below(&random, 20) == 0) {
            block[kept++] = block[i];
        } else {
            live -= block[i].size;
            free(block[i].bytes);
        }
    }
    count = kept;
    /* An allocator that gives memory back after a while, or at a later call, gets both: a second of quiet life. */
    for (unsigned tick = 0; tick < 20; tick++) {
        struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
        nanosleep(&pause, NULL);
        for (unsigned i = 0; i < 100; i++) {
            struct block passing = make(&random, (unsigned)phases);
            checksum += passing.bytes[0];
            free(passing.bytes);
        }
    }
    double end = resident_mib();
    for (size_t i = 0; i < count; i++)
        free(block[i].bytes);
    free(block);
    printf("%lu blocks, %zu bytes at the end, checksum %016lx\n", made, live, checksum);
    printf("figure: end rss %.2f MiB\n", end);
    return 0;
}
