// A library with an allocation wrapper, and a caller of it, for `wrappers.c`.

#include <stdlib.h>

#define APART __attribute__((noipa))

static void *volatile kept;

APART void *wrapper_in_library(size_t size) {
    volatile char room[100];
    room[size % sizeof room] = 1;
    void *block = malloc(size);
    if (!block || room[size % sizeof room] != 1) abort();
    return block;
}

APART void caller_in_library(size_t size) { kept = wrapper_in_library(size); }
