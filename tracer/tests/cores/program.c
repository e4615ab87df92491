// Has memory of all kinds, says what and where, and waits.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__thread unsigned long own = 0x1122334455667788;
static unsigned long changed = 1;
static const char *const text = "a text that nothing changes";

static void *other(void *ready) {
    pthread_barrier_wait(ready);
    pause();
    return 0;
}

int main(void) {
    changed = 2;
    pthread_barrier_t ready;
    pthread_t thread;
    pthread_barrier_init(&ready, 0, 2);
    pthread_create(&thread, 0, other, &ready);
    pthread_barrier_wait(&ready);
    for (int number = 0; number < 1000; number++) {
        void *block = malloc(1 + number * 7);
        printf("block %p %d\n", block, 1 + number * 7);
    }
    printf("own %p\nchanged %p\ntext %p\n", (void *)&own, (void *)&changed, (const void *)text);
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
