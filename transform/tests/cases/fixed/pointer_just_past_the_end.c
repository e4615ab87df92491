// A buffer with where it ends; the buffer lies in an object that grows.
struct buffer {
    struct cell *start;
    struct cell *last;
    struct cell *end;
};

struct cell {
    int value;
#if NEW
    int more;
#endif
};

struct buffer buffers[3];

static void make(struct buffer *buffer, int seed) {
    buffer->start = calloc(5, sizeof *buffer->start);
    if (!buffer->start) {
        abort();
    }
    for (int i = 0; i < 5; i++) {
        buffer->start[i].value = seed + i;
#if NEW
        buffer->start[i].more = 4;
#endif
    }
    buffer->last = buffer->start + seed % 5;
    buffer->end = buffer->start + 5;
}

void start(void) {
    make(&buffers[0], 1);
    make(&buffers[1], 2);
}

void serve(void) {
    make(&buffers[2], 3);
    buffers[1].last++;
    buffers[1].start[3].value = 44;
}
