// Blocks that are thread-specific data of the first thread and of one that waits. One key is overwritten.
//
// lost: direct make 2 96
#include "leak.h"

pthread_key_t held, lost;
pthread_barrier_t barrier;

APART char *make(size_t size)
{
    char *block = malloc(size);
    memset(block, 1, size);
    return block;
}

APART void fill(void)
{
    pthread_setspecific(held, make(32));
    pthread_setspecific(lost, make(48));
    pthread_setspecific(lost, NULL);
}

APART void *wait_for_ever(void *none)
{
    fill();
    clear();
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
    return none;
}

int main(void)
{
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_key_create(&held, NULL);
    pthread_key_create(&lost, NULL);
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    fill();
    pthread_barrier_wait(&barrier);
    look();
    _exit(0);
}
