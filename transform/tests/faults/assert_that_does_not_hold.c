// The new release takes a number of each object as an index: one that is none yet.
struct conn {
    long slot;
    struct conn *next;
};

struct conn *conns;
int opened;
long slots[8];

void start(void) {
    opened = 0;
}

void serve(void) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->slot = NEW ? opened % 8 : -1l - (1l << 40);
    opened++;
    conn->next = conns;
    conns = conn;
}

void show(void) {
    for (struct conn *conn = conns; conn; conn = conn->next) {
#if NEW
        say("slot %ld has %ld\n", conn->slot, slots[conn->slot]);
#else
        say("slot %ld\n", conn->slot);
#endif
    }
}
