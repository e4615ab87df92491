/* Small blocks in several threads at once, freed in many orders: mostly soon, some late, some in the order they were made, some in
 * reverse.
 *
 * After what MicroQuill says of its SmartHeap benchmarks for multi-threaded programs: the more often a size is asked for the
 * smaller it is, and blocks are freed by turns in one direction and the other, with some left over from turn to turn.
 *
 * usage: sh THREADS TURNS
 */
#include "draw.h"
#include <pthread.h>
#include <string.h>

enum { BLOCKS = 4000, KEPT = 20000, SMALLEST = 8, LARGEST = 256 };

struct worker {
    struct draw random;
    uint64_t checksum;
    /* The last KEPT of those that outlive their turn; the oldest makes place for the newest. */
    unsigned char *kept[KEPT];
    unsigned next_kept;
    pthread_t thread;
};

static unsigned long turns;

static void keep(struct worker *worker, unsigned char *block)
{
    unsigned char **place = &worker->kept[worker->next_kept++ % KEPT];
    free(*place);
    *place = block;
}

/* One in sixteen outlives its turn. */
static void dispose(struct worker *worker, unsigned char *block)
{
    worker->checksum += block[0];
    if (draw_below(&worker->random, 16) == 0)
        keep(worker, block);
    else
        free(block);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    unsigned char *block[BLOCKS];
    for (unsigned long turn = 0; turn < turns; turn++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            uint32_t size = draw_size(&worker->random, SMALLEST, LARGEST);
            block[i] = there(malloc(size));
            memset(block[i], (int)size, size < 64 ? size : 64);
        }
        switch (turn % 3) {
        case 0:
            for (unsigned i = 0; i < BLOCKS; i++)
                dispose(worker, block[i]);
            break;
        case 1:
            for (unsigned i = BLOCKS; i-- > 0;)
                dispose(worker, block[i]);
            break;
        case 2:
            /* Every other one, then the rest: holes of one block. */
            for (unsigned i = 0; i < BLOCKS; i += 2)
                dispose(worker, block[i]);
            for (unsigned i = 1; i < BLOCKS; i += 2)
                dispose(worker, block[i]);
            break;
        }
    }
    for (unsigned i = 0; i < KEPT; i++)
        free(worker->kept[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned long threads = argument(argc, argv, 1, "THREADS TURNS");
    turns = argument(argc, argv, 2, "THREADS TURNS");
    struct worker *worker = there(calloc(threads, sizeof *worker));
    for (unsigned long i = 0; i < threads; i++) {
        worker[i].random = draw_from(i);
        if (pthread_create(&worker[i].thread, NULL, work, &worker[i]) != 0) {
            fputs("no thread can be started\n", stderr);
            return 1;
        }
    }
    uint64_t checksum = 0;
    for (unsigned long i = 0; i < threads; i++) {
        pthread_join(worker[i].thread, NULL);
        checksum = checksum * 31 + worker[i].checksum;
    }
    free(worker);
    printf("%lu threads, %lu turns, checksum %016llx\n", threads, turns, (unsigned long long)checksum);
    return 0;
}
