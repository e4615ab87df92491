// What start-up has made has no type that anything says, and the new release makes it in another size.
struct state {
    long hits;
#if NEW
    long misses;
#endif
};

void *state;
int served;

__attribute__((noinline)) static void *make_state(size_t size) {
    // Not a jump to the allocator: this function is to be on the stack.
    void *made = calloc(1, size);
    if (!made) {
        abort();
    }
    return made;
}

void start(void) {
    state = make_state(sizeof(struct state));
    if (!state) {
        abort();
    }
}

void serve(void) {
    struct state now;
    memcpy(&now, state, sizeof now);
    now.hits += 5;
    memcpy(state, &now, sizeof now);
    served++;
}

void show(void) {
    struct state now;
    memcpy(&now, state, sizeof now);
    say("%ld hits, served %d\n", now.hits, served);
}
