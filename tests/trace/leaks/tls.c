// Blocks that thread-local variables hold: of the first thread, and of one that waits. One variable is overwritten.
//
// lost: direct make 2 96
#include "leak.h"

__thread char *held, *lost;
pthread_barrier_t barrier;

APART char *make(size_t size)
{
    char *block = malloc(size);
    memset(block, 1, size);
    return block;
}

APART void fill(void)
{
    held = make(32);
    lost = make(48);
    lost = NULL;
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
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    fill();
    pthread_barrier_wait(&barrier);
    look();
    _exit(0);
}
