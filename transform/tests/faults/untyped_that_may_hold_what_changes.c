// Objects of a type that changes are reached in ways that say nothing of it.
struct conn {
    long fd;
#if NEW
    long since;
#endif
    char *name;
};

struct {
    void *slots[4];
    unsigned count;
} all;

__attribute__((noinline)) static void *make_slot(size_t size) {
    // Not a jump to the allocator: this function is to be on the stack.
    void *made = calloc(1, size);
    if (!made) {
        abort();
    }
    return made;
}

__attribute__((noinline)) static void fill(void *slot, long fd) {
    struct conn conn = {.fd = fd, .name = malloc(16)};
    if (!conn.name) {
        abort();
    }
#if NEW
    conn.since = 77;
#endif
    memset(conn.name, 0, 16);
    memcpy(conn.name, "somebody", 8);
    memcpy(slot, &conn, sizeof conn);
}

void start(void) {
    all.count = 0;
}

void serve(void) {
    if (all.count < 4) {
        all.slots[all.count] = make_slot(sizeof(struct conn));
        if (!all.slots[all.count]) {
            abort();
        }
        fill(all.slots[all.count], 3 + all.count);
        all.count++;
    }
}

void show(void) {
    for (unsigned i = 0; i < all.count; i++) {
        struct conn conn;
        memcpy(&conn, all.slots[i], sizeof conn);
        say("conn %ld %.16s\n", conn.fd, conn.name);
    }
}
