// What a connection speaks is put into a list by a rule, and the new release does not have the text any more.
#if NEW
struct mark {
    struct mark *next;
    const char *text;
};
#endif

struct conn {
    int fd;
#if NEW
    struct mark *marks;
#else
    const char *speaks;
#endif
    struct conn *next;
};

struct conn *conns;
const char *usual;
int next_fd;

void start(void) {
    usual = NEW ? "plain" : "cleartext";
    next_fd = 3;
}

void serve(void) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = next_fd++;
#if NEW
    conn->marks = calloc(1, sizeof *conn->marks);
    if (!conn->marks) {
        abort();
    }
    conn->marks->text = usual;
#else
    conn->speaks = usual;
#endif
    conn->next = conns;
    conns = conn;
}

void show(void) {
#if NEW
    for (struct conn *conn = conns; conn; conn = conn->next) {
        say("conn %d speaks %s\n", conn->fd, conn->marks->text);
    }
#endif
}
