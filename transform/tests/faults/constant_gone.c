// A state that an object is in is none of the new release's.
#if NEW
enum state { IDLE, BUSY };
#else
enum state { IDLE, BUSY, CLOSING };
#endif

struct conn {
    enum state state;
    int fd;
};

struct conn *conn;
int next_fd;

void start(void) {
    next_fd = 3;
}

void serve(void) {
    free(conn);
    conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = next_fd++;
#if NEW
    conn->state = BUSY;
#else
    conn->state = CLOSING;
#endif
}

void show(void) {
    switch (conn->state) {
    case IDLE:
        say("%d is idle\n", conn->fd);
        break;
    case BUSY:
        say("%d is busy\n", conn->fd);
        break;
    default:
        if (NEW) {
            abort();
        }
        break;
    }
}
