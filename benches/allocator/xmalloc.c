/* Producers and consumers: half the threads make blocks, the other half free them, and no thread ever frees its own.
 *
 * After the description of the malloc-test of Lever and Boreham, malloc() Performance in a Multithreaded Linux Environment (USENIX
 * 2000), in the form in which blocks go from thread to thread in batches. A fixed number of batches is passed.
 *
 * usage: xmalloc PAIRS BATCHES
 */
#include "draw.h"
#include <pthread.h>

enum { BATCH = 512, QUEUE = 16, SMALLEST = 16, LARGEST = 2048 };

struct batch {
    unsigned char *block[BATCH];
};

/* A ring of batches under way from one producer to one consumer. */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct batch *ring[QUEUE];
    unsigned put, taken;
};

struct pair {
    struct queue queue;
    struct draw random;
    uint64_t checksum;
    pthread_t producer, consumer;
};

static unsigned long batches;

static void put(struct queue *queue, struct batch *batch)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->put - queue->taken == QUEUE)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    queue->ring[queue->put++ % QUEUE] = batch;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

static struct batch *take(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->put == queue->taken)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    struct batch *batch = queue->ring[queue->taken++ % QUEUE];
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    return batch;
}

static void *produce(void *argument)
{
    struct pair *pair = argument;
    for (unsigned long i = 0; i < batches; i++) {
        struct batch *batch = there(malloc(sizeof *batch));
        for (unsigned j = 0; j < BATCH; j++) {
            uint32_t size = draw_size(&pair->random, SMALLEST, LARGEST);
            batch->block[j] = there(malloc(size));
            batch->block[j][0] = (unsigned char)size;
        }
        put(&pair->queue, batch);
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct pair *pair = argument;
    for (unsigned long i = 0; i < batches; i++) {
        struct batch *batch = take(&pair->queue);
        for (unsigned j = 0; j < BATCH; j++) {
            pair->checksum += batch->block[j][0];
            free(batch->block[j]);
        }
        free(batch);
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*life)(void *), struct pair *pair)
{
    if (pthread_create(thread, NULL, life, pair) != 0) {
        fputs("no thread can be started\n", stderr);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    unsigned long pairs = argument(argc, argv, 1, "PAIRS BATCHES");
    batches = argument(argc, argv, 2, "PAIRS BATCHES");

    struct pair *pair = there(calloc(pairs, sizeof *pair));
    for (unsigned long i = 0; i < pairs; i++) {
        pthread_mutex_init(&pair[i].queue.mutex, NULL);
        pthread_cond_init(&pair[i].queue.changed, NULL);
        pair[i].random = draw_from(i);
        start(&pair[i].producer, produce, &pair[i]);
        start(&pair[i].consumer, consume, &pair[i]);
    }
    uint64_t checksum = 0;
    for (unsigned long i = 0; i < pairs; i++) {
        pthread_join(pair[i].producer, NULL);
        pthread_join(pair[i].consumer, NULL);
        checksum = checksum * 31 + pair[i].checksum;
    }
    free(pair);
    printf("%lu pairs, %lu batches each, checksum %016llx\n", pairs, batches, (unsigned long long)checksum);
    return 0;
}
