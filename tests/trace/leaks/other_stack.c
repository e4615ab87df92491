// A block that only a local variable of another thread holds, which waits.
//
// lost: direct make 1 72
#include "leak.h"

pthread_barrier_t barrier;

APART char *make(size_t size)
{
    char *block = malloc(size);
    memset(block, 1, size);
    return block;
}

APART void lose(void)
{
    char *volatile lost = make(72);
    (void)lost;
}

APART void *wait_for_ever(void *none)
{
    lose();
    char *volatile local = make(64);
    clear();
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
    return *local ? none : NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    pthread_barrier_wait(&barrier);
    look();
    _exit(0);
}
