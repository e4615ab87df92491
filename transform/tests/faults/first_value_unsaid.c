// Connections have a time since when they are there. The new release closes those that are too old: with 0, all.
struct conn {
    int fd;
#if NEW
    long since;
#endif
    struct conn *next;
};

struct conn *conns;
int next_fd;

void start(void) {
    next_fd = 3;
}

void serve(void) {
#if NEW
    for (struct conn **at = &conns; *at;) {
        struct conn *conn = *at;
        if (1000 - conn->since > 100) {
            *at = conn->next;
            free(conn);
        } else {
            at = &conn->next;
        }
    }
#endif
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = next_fd++;
#if NEW
    conn->since = 1000;
#endif
    conn->next = conns;
    conns = conn;
}

void show(void) {
    for (struct conn *conn = conns; conn; conn = conn->next) {
        say("conn %d\n", conn->fd);
    }
}
