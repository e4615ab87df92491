#include "arena.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { CHUNK_BYTES = 256 };

static struct arena_chunk *chunk_with_room(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = arena->chunks;
    if (chunk != NULL && chunk->size - chunk->used >= size)
        return chunk;

    size_t chunk_size = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    chunk = xmalloc(sizeof *chunk + chunk_size);
    chunk->next = arena->chunks;
    chunk->used = 0;
    chunk->size = chunk_size;
    arena->chunks = chunk;
    return chunk;
}

char *arena_copy(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    struct arena_chunk *chunk = chunk_with_room(arena, size);
    char *copy = memcpy(chunk->bytes + chunk->used, text, size);
    chunk->used += size;
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
}
