// A state has come in between.
#if NEW
enum state { NEW_ONE, IDLE, BUSY, WAITING, CLOSING };
#else
enum state { IDLE, BUSY, CLOSING };
#endif

struct conn {
    enum state state;
    enum state history[4];
    enum state packed : 4;
    struct conn *next;
};

struct conn *conns;
enum state server;

static void add(enum state one, enum state other) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->state = one;
    conn->history[0] = IDLE;
    conn->history[1] = other;
    conn->history[2] = conn->history[3] = CLOSING;
    conn->packed = one;
    conn->next = conns;
    conns = conn;
}

void start(void) {
    server = IDLE;
    add(IDLE, BUSY);
    add(BUSY, CLOSING);
}

void serve(void) {
    server = CLOSING;
    add(CLOSING, IDLE);
    conns->next->state = CLOSING;
    conns->next->packed = IDLE;
}
