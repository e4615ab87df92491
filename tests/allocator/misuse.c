// One wrong call of the kind named by the first argument. Prints the address first; "went on" if the process outlives it.

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*volatile release)(void *) = free;
static void *(*volatile resize)(void *, size_t) = realloc;
static char in_data[64];

static void *free_in_a_thread(void *block) {
    release(block);
    return NULL;
}

static void elsewhere(void *block) {
    pthread_t thread;
    pthread_create(&thread, NULL, free_in_a_thread, block);
    pthread_join(thread, NULL);
}

static void announce(void *volatile address) {
    printf("%p\n", address);
    fflush(stdout);
}

int main(int count, char **words) {
    char on_stack[64];
    const char *kind = count > 1 ? words[1] : "";
    char *block = malloc(100), *large = malloc(300000), *other = malloc(100);
    if (!strcmp(kind, "double")) {
        announce(block);
        release(block);
        release(block);
    } else if (!strcmp(kind, "double-large")) {
        announce(large);
        release(large);
        release(large);
    } else if (!strcmp(kind, "double-there-and-here")) {
        announce(block);
        elsewhere(block);
        release(block);
    } else if (!strcmp(kind, "double-here-and-there")) {
        announce(block);
        release(block);
        elsewhere(block);
    } else if (!strcmp(kind, "inside")) {
        announce(block + 16);
        release(block + 16);
    } else if (!strcmp(kind, "unaligned")) {
        announce(block + 1);
        release(block + 1);
    } else if (!strcmp(kind, "inside-there")) {
        announce(block + 16);
        elsewhere(block + 16);
    } else if (!strcmp(kind, "inside-large")) {
        announce(large + 65536);
        release(large + 65536);
    } else if (!strcmp(kind, "stack")) {
        announce(on_stack);
        release(on_stack);
    } else if (!strcmp(kind, "data")) {
        announce(in_data);
        release(in_data);
    } else if (!strcmp(kind, "wild")) {
        // In the heap's own range, far beyond what it has dealt out.
        char *wild = (char *)((uintptr_t)block | 0xff00000000);
        announce(wild);
        release(wild);
    } else if (!strcmp(kind, "tables")) {
        char *table = (char *)((uintptr_t)block & ~(((uintptr_t)1 << 40) - 1));
        announce(table);
        release(table);
    } else if (!strcmp(kind, "unmapped")) {
        announce((char *)4096);
        release((char *)4096);
    } else if (!strcmp(kind, "resize-freed")) {
        announce(block);
        release(block);
        if (resize(block, 200)) printf("a block came back\n");
    } else if (!strcmp(kind, "resize-stack")) {
        announce(on_stack);
        if (resize(on_stack, 200)) printf("a block came back\n");
    } else {
        return 2;
    }
    printf("went on\n");
    // Whatever was reported, the heap is still sound.
    for (int i = 0; i < 1000; i++) release(malloc(100));
    memset(other, 1, 100);
    release(other);
    return 0;
}
