// What both start-ups have made has no type that anything says, and its members are in another order.
#if NEW
struct state {
    long hits;
    char *name;
};
#else
struct state {
    char *name;
    long hits;
};
#endif

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
    char *name = malloc(16);
    if (!name) {
        abort();
    }
    memset(name, 0, 16);
    memcpy(name, "somebody", 8);
    const struct state first = {.name = name};
    memcpy(state, &first, sizeof first);
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
    say("%ld hits of %.16s, served %d\n", now.hits, now.name, served);
}
