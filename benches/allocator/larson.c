/* A server whose threads come and go and leave their blocks to successors: each thread replaces random blocks of an array, then
 * starts another thread, hands it the array and ends. Most blocks are freed by a thread that did not make them.
 *
 * After the description in Larson and Krishnan, Memory Allocation for Long-Running Server Applications (ISMM 1998). Unlike theirs it
 * does a fixed amount of work and not as much as fits a time, so that runs can be compared by the processor time they take.
 *
 * usage: larson CHAINS BLOCKS GENERATIONS REPLACEMENTS
 */
#include "draw.h"
#include <pthread.h>

enum { SMALLEST = 10, LARGEST = 500 };

/* What a thread leaves to its successor. */
struct estate {
    struct draw random;
    unsigned char **block;
    uint64_t checksum;
    unsigned long generations_left;
};

static unsigned long blocks, replacements;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static unsigned long chains_left;

static unsigned char *filled(struct draw *random)
{
    uint32_t size = draw_between(random, SMALLEST, LARGEST);
    unsigned char *block = there(malloc(size));
    block[0] = (unsigned char)size;
    block[size - 1] = (unsigned char)(size >> 8);
    return block;
}

static void start(void *(*life)(void *), struct estate *estate)
{
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    if (pthread_create(&thread, &detached, life, estate) != 0) {
        fputs("no thread can be started\n", stderr);
        exit(1);
    }
    pthread_attr_destroy(&detached);
}

static void *life(void *argument)
{
    struct estate *estate = argument;
    for (unsigned long i = 0; i < replacements; i++) {
        uint32_t victim = draw_below(&estate->random, (uint32_t)blocks);
        estate->checksum += estate->block[victim][0];
        free(estate->block[victim]);
        estate->block[victim] = filled(&estate->random);
    }
    if (--estate->generations_left > 0) {
        start(life, estate);
        return NULL;
    }
    pthread_mutex_lock(&mutex);
    if (--chains_left == 0)
        pthread_cond_signal(&ended);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *usage = "CHAINS BLOCKS GENERATIONS REPLACEMENTS";
    unsigned long chains = chains_left = argument(argc, argv, 1, usage);
    blocks = argument(argc, argv, 2, usage);
    unsigned long generations = argument(argc, argv, 3, usage);
    replacements = argument(argc, argv, 4, usage);

    struct estate *estates = there(calloc(chains, sizeof *estates));
    for (unsigned long chain = 0; chain < chains; chain++) {
        struct estate *estate = &estates[chain];
        estate->random = draw_from(chain);
        estate->generations_left = generations;
        estate->block = there(malloc(blocks * sizeof estate->block[0]));
        for (unsigned long i = 0; i < blocks; i++)
            estate->block[i] = filled(&estate->random);
    }
    for (unsigned long chain = 0; chain < chains; chain++)
        start(life, &estates[chain]);

    pthread_mutex_lock(&mutex);
    while (chains_left > 0)
        pthread_cond_wait(&ended, &mutex);
    pthread_mutex_unlock(&mutex);

    uint64_t checksum = 0;
    for (unsigned long chain = 0; chain < chains; chain++) {
        for (unsigned long i = 0; i < blocks; i++)
            free(estates[chain].block[i]);
        free(estates[chain].block);
        checksum = checksum * 31 + estates[chain].checksum;
    }
    free(estates);
    printf("%lu chains of %lu threads, checksum %016llx\n", chains, generations, (unsigned long long)checksum);
    return 0;
}
