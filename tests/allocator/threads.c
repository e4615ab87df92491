// Threads as allocators meet them.
//
//   threads births N     N threads, one after another, each freeing what the one before left; what the process holds must not grow
//   threads late N       the same, and each allocates once more after its last destructor has run
//   threads crowd N      N threads at one time, each with a heap of its own
//   threads edges        before main, after it, in destructors of thread data, in the thread that is cancelled
//
// Exit status 1 and a message: something was wrong.

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static long resident_kib(void) {
    long ignored, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2) fail("no statm");
    fclose(file);
    return pages * 4;
}

static unsigned char *filled(size_t size, int byte) {
    unsigned char *block = malloc(size);
    if (!block) fail("no memory for %zu bytes", size);
    return memset(block, byte, size);
}

static void empty(unsigned char *block, size_t size, int byte) {
    for (size_t i = 0; i < size; i++)
        if (block[i] != byte) fail("%p + %zu of %zu reads %x, was %x", (void *)block, i, size, block[i], byte);
    free(block);
}

// Its destructor allocates, and asks to be run again until the last round: the thread's heap is gone by then, and it gets another.
static pthread_key_t late;

static void at_the_last(void *round) {
    empty(filled(200, 7), 200, 7);
    if ((intptr_t)round < 10) pthread_setspecific(late, (void *)((intptr_t)round + 1));
}

// Handed from thread to thread: freed by another than made it.
static unsigned char *heirloom[64];

static void *live_shortly(void *number) {
    intptr_t n = (intptr_t)number;
    if (n < 0) pthread_setspecific(late, (void *)1);
    for (int i = 0; i < 64; i++) {
        if (heirloom[i]) empty(heirloom[i], (size_t)i * 40 + 1, i);
        heirloom[i] = filled((size_t)i * 40 + 1, i);
    }
    empty(filled(200000, 3), 200000, 3);
    return NULL;
}

static void births(long count, int are_late) {
    long warm = 0;
    for (long i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live_shortly, (void *)(intptr_t)(are_late ? -1 - i : i))) fail("no thread %ld", i);
        pthread_join(thread, NULL);
        if (i == count / 2) warm = resident_kib();
    }
    long end = resident_kib();
    printf("%ld KiB after %ld births, %ld after %ld\n", warm, count / 2, end, count);
    // Now and then a thread comes before the heap of the last one is seen to be left, and gets another: over 128,000 births that makes
    // 3 MiB, in steps, and no more. What grows with each thread grows by a page at least: half of that is too much.
    if (end - warm > (count - count / 2) * 4 / 2) fail("%ld KiB more", end - warm);
}

static sem_t ready, go;

static void *stand_in_the_crowd(void *number) {
    unsigned char *blocks[100];
    int byte = (int)(intptr_t)number & 255;
    for (int i = 0; i < 100; i++) blocks[i] = filled((size_t)i * 10, byte);
    sem_post(&ready);
    sem_wait(&go);
    for (int i = 0; i < 100; i++) empty(blocks[i], (size_t)i * 10, byte);
    return NULL;
}

static void crowd(long count) {
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    for (int turn = 0; turn < 2; turn++) {
        for (long i = 0; i < count; i++)
            if (pthread_create(&threads[i], &attributes, stand_in_the_crowd, (void *)(intptr_t)i)) fail("no thread %ld", i);
        for (long i = 0; i < count; i++) sem_wait(&ready);
        for (long i = 0; i < count; i++) sem_post(&go);
        for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
    }
    free(threads);
}

static unsigned char *from_constructor;

__attribute__((constructor(101))) static void before_main(void) { from_constructor = filled(1000, 1); }

static void *from_exit_handler;

static void at_exit(void) {
    from_exit_handler = filled(5000, 9);
    empty(filled(100000, 8), 100000, 8);
}

__attribute__((destructor)) static void after_main(void) {
    if (from_exit_handler) empty(from_exit_handler, 5000, 9);
    empty(filled(300, 2), 300, 2);
}

static void *allocate_for_ever(void *nothing) {
    for (;;) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        empty(filled(123, 4), 123, 4);
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        pthread_testcancel();
    }
    return nothing;
}

static void edges(void) {
    empty(from_constructor, 1000, 1);
    atexit(at_exit);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, allocate_for_ever, NULL);
        usleep(1000);
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        empty(filled(123, 5), 123, 5);
    }
    // The process ends while another thread is in the middle of it.
    pthread_t thread;
    pthread_create(&thread, NULL, allocate_for_ever, NULL);
}

int main(int count, char **words) {
    pthread_key_create(&late, at_the_last);
    const char *kind = count > 1 ? words[1] : "";
    long number = count > 2 ? atol(words[2]) : 0;
    if (!strcmp(kind, "births")) births(number, 0);
    else if (!strcmp(kind, "late")) births(number, 1);
    else if (!strcmp(kind, "crowd")) crowd(number);
    else if (!strcmp(kind, "edges")) edges();
    else fail("births N, late N, crowd N or edges");
    return 0;
}
