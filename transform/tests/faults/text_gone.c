// What a connection speaks is a text of the program, which the new release spells in another way.
struct conn {
    int fd;
    const char *speaks;
    struct conn *next;
};

struct conn *conns;
int next_fd;

void start(void) {
    next_fd = 3;
}

void serve(void) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = next_fd++;
    conn->speaks = NEW ? "plain text" : "cleartext";
    conn->next = conns;
    conns = conn;
}

void show(void) {
    for (struct conn *conn = conns; conn; conn = conn->next) {
        say("conn %d speaks %s\n", conn->fd, conn->speaks);
    }
}
