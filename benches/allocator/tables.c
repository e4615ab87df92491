/* Large arrays of zeros that are sparsely used: hash tables and bit maps made for the worst case.
 *
 * An allocator that knows fresh pages to be zero already need not touch them; one that clears what it was given back, or takes new
 * pages for each, pays by page faults. Some arrays are small enough to be kept for reuse, some go back to the system.
 *
 * usage: tables ROUNDS
 */
#include "draw.h"

enum { LIVE = 24 };

struct table {
    uint64_t *slot;
    uint32_t slots;
};

int main(int argc, char **argv)
{
    unsigned long rounds = argument(argc, argv, 1, "ROUNDS");
    struct draw random = draw_from(13);
    struct table table[LIVE] = {{0}};
    uint64_t checksum = 0;
    for (unsigned long round = 0; round < rounds; round++) {
        struct table *replaced = &table[draw_below(&random, LIVE)];
        free(replaced->slot);
        /* 32 KiB to 32 MiB, the large ones rare. */
        replaced->slots = draw_size(&random, 4096, 4096 * 1024);
        replaced->slot = there(calloc(replaced->slots, sizeof replaced->slot[0]));
        /* One entry in a hundred is used, by chains that begin at random places. */
        for (uint32_t i = 0; i < replaced->slots / 100 + 1; i++) {
            uint32_t at = draw_below(&random, replaced->slots);
            checksum += replaced->slot[at] + 1;
            replaced->slot[at] = i;
        }
    }
    for (unsigned i = 0; i < LIVE; i++)
        free(table[i].slot);
    printf("%lu tables, checksum %016llx\n", rounds, (unsigned long long)checksum);
    return 0;
}
