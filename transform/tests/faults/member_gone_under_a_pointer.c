// A pointer leads to a member that the new release does not have any more.
struct conn {
#if !NEW
    long legacy;
#endif
    long fd;
    long state;
};

struct watch {
    long *what;
    struct conn *conn;
} watch;

void start(void) {
    watch.what = NULL;
}

void serve(void) {
    struct conn *conn = watch.conn;
    if (!conn) {
        conn = calloc(1, sizeof *conn);
        if (!conn) {
            abort();
        }
        watch.conn = conn;
        conn->fd = 3;
        conn->state = 7;
    }
    conn->fd++;
#if NEW
    watch.what = &conn->fd;
#else
    conn->legacy = 11;
    watch.what = &conn->legacy;
#endif
}

void show(void) {
    say("%ld is watched, fd %ld, state %ld\n", *watch.what, watch.conn->fd, watch.conn->state);
}
