// The new release is told by a call what is to be done with each connection; of one that is a function which it does not have.
struct conn {
    int fd;
    int handled;
    void (*on_ready)(struct conn *conn);
    struct conn *next;
};

struct conn *conns;
int next_fd;

#if NEW
__attribute__((noinline)) static void handle_read(struct conn *conn) {
    conn->handled++;
}
#define on_read handle_read
#else
__attribute__((noinline)) static void on_read(struct conn *conn) {
    conn->handled++;
}
#endif

#if NEW
void (*handlers[8])(struct conn *conn);
void handle_by(struct conn *conn, void (*handler)(struct conn *conn));

__attribute__((noinline)) void handle_by(struct conn *conn, void (*handler)(struct conn *conn)) {
    conn->on_ready = NULL;
    handlers[conn->fd % 8] = handler;
}
#endif

void start(void) {
    next_fd = 3;
}

void serve(void) {
    for (struct conn *conn = conns; conn; conn = conn->next) {
#if NEW
        handlers[conn->fd % 8](conn);
#else
        conn->on_ready(conn);
#endif
    }
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = next_fd++;
#if NEW
    handle_by(conn, on_read);
#else
    conn->on_ready = on_read;
#endif
    conn->next = conns;
    conns = conn;
}

void show(void) {
    for (struct conn *conn = conns; conn; conn = conn->next) {
        say("conn %d: %d\n", conn->fd, conn->handled);
    }
}
