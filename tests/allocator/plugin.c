// A library that is loaded and unloaded again (`plugins.c`). Compiled with different values of ROOM, a multiple of 16 from 128 to
// 2032, it is another file with another build-id whose code has the same offsets.

#include <stdlib.h>

#define APART __attribute__((noipa))

APART void *wrapper_in_plugin(size_t size) {
    volatile char room[ROOM];
    room[size % 128] = 1;
    void *block = malloc(size);
    if (!block || room[size % 128] != 1) abort();
    return block;
}

APART void *make(size_t size) {
    void *block = wrapper_in_plugin(size);
    if (!block) abort();
    return block;
}
