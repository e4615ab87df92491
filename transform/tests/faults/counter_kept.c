// The list of what is free is replaced by another, which begins empty; its counter goes by the old name.
struct buffer {
    struct buffer *next;
    int size;
};
#if NEW
struct chunk {
    struct chunk *next;
    long room;
};
#endif

struct pool {
#if NEW
    struct chunk *free_chunks;
#else
    struct buffer *free_buffers;
#endif
    int free_count;
    int taken;
} pool;

void start(void) {
    pool.taken = 1;
}

void serve(void) {
#if NEW
    if (pool.free_count > 0) {
        struct chunk *chunk = pool.free_chunks;
        pool.free_chunks = chunk->next;
        pool.free_count--;
        free(chunk);
    }
    pool.taken++;
#else
    for (int i = 0; i < 3; i++) {
        struct buffer *buffer = calloc(1, sizeof *buffer);
        if (!buffer) {
            abort();
        }
        buffer->next = pool.free_buffers;
        pool.free_buffers = buffer;
        pool.free_count++;
    }
    pool.taken++;
#endif
}

void show(void) {
    say("%d free, %d taken\n", pool.free_count, pool.taken);
}
