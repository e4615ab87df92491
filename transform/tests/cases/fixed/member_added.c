// A connection learns since when it is there.
struct conn {
    int fd;
#if NEW
    long since;
#endif
    struct conn *next;
};

struct conn *conns;

static void open_conn(int fd) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = fd;
#if NEW
    conn->since = 77;
#endif
    conn->next = conns;
    conns = conn;
}

void start(void) {
    open_conn(3);
    open_conn(4);
}

void serve(void) {
    open_conn(5);
    open_conn(6);
    conns->next->next->fd = 40;
}
