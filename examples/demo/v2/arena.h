/*
 * Strings that live as long as their session: carved out of chunks, never freed one by one, all gone at once. Not for
 * anything but text: nothing in a chunk is aligned.
 */
#pragma once

#include <stddef.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    char bytes[];
};

struct arena {
    struct arena_chunk *chunks; /* the newest first; NULL while the arena is empty */
};

char *arena_copy(struct arena *arena, const char *text);
void arena_free(struct arena *arena);
