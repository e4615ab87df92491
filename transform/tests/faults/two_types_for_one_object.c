// Two pointers lead to one object, and say different things of it.
struct header {
    long kind;
    long size;
#if NEW
    long seen;
#endif
};
struct packet {
    long kind;
    long size;
    long sum;
};

void *last;
struct header *header;
struct packet *packet;
int served;

__attribute__((noinline)) static void *make(size_t size) {
    // Not a jump to the allocator: this function is to be on the stack.
    void *made = calloc(1, size);
    if (!made) {
        abort();
    }
    return made;
}

__attribute__((noinline)) static void fill(void *at) {
    const struct header one = {.kind = 1, .size = 20};
    memcpy(at, &one, sizeof one);
}

void start(void) {
    served = 0;
}

void serve(void) {
    void *one = make(NEW ? 40 : 24);
    if (!one) {
        abort();
    }
    fill(one);
    memcpy(&header, &one, sizeof one);
    memcpy(&packet, &one, sizeof one);
#if NEW
    header->seen = 12;
#else
    packet->sum = 99;
#endif
    served++;
}

void show(void) {
#if NEW
    say("header %ld %ld %ld\n", header->kind, header->size, header->seen);
#else
    say("header %ld %ld\n", header->kind, header->size);
#endif
}
