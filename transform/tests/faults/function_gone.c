// What a connection is to do next goes by another name in the new release.
struct conn {
    int fd;
    void (*on_ready)(struct conn *conn);
    struct conn *next;
};

struct conn *conns;
int next_fd;

#if NEW
__attribute__((noinline)) static void handle_read(struct conn *conn) {
    conn->fd += 100;
}
#define on_read handle_read
#else
__attribute__((noinline)) static void on_read(struct conn *conn) {
    conn->fd += 100;
}
#endif

void start(void) {
    next_fd = 3;
}

void serve(void) {
    for (struct conn *conn = conns; conn; conn = conn->next) {
        conn->on_ready(conn);
    }
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = next_fd++;
    conn->on_ready = on_read;
    conn->next = conns;
    conns = conn;
}

void show(void) {
    for (struct conn *conn = conns; conn; conn = conn->next) {
        say("conn %d\n", conn->fd);
    }
}
