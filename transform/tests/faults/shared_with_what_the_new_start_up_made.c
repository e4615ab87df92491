// What start-up has made has another size in the new release, so the new one's own is in use; and what was made since points to the old one.
struct state {
    long hits;
#if NEW
    long misses;
#endif
};

struct conn {
    struct state *state;
};

void *state;
struct conn *conn;

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
    if (!conn) {
        conn = calloc(1, sizeof *conn);
        if (!conn) {
            abort();
        }
        memcpy(&conn->state, &state, sizeof state);
    }
    conn->state->hits += 5;
}

void show(void) {
    struct state now;
    memcpy(&now, state, sizeof now);
    say("%ld hits, %ld of them here\n", now.hits, conn->state->hits);
}
