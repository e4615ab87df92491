// An object that grows is remembered as a number: nothing says that it is a pointer.
struct conn {
    long fd;
#if NEW
    long since;
#endif
    long state;
    char room[16];
};

struct watch {
    uintptr_t cookie;
    struct conn *first;
    struct watch *next;
};

struct watch *watches;
int next_fd;

void start(void) {
    next_fd = 3;
}

void serve(void) {
    struct watch *watch = calloc(1, sizeof *watch);
    struct conn *conn = calloc(1, sizeof *conn);
    if (!watch || !conn) {
        abort();
    }
    conn->fd = next_fd++;
    conn->state = 7;
    memcpy(conn->room, "some room of it", 16);
#if NEW
    conn->since = 77;
#endif
    watch->cookie = (uintptr_t)conn;
    watch->first = conn;
    watch->next = watches;
    watches = watch;
}

void show(void) {
    for (struct watch *watch = watches; watch; watch = watch->next) {
        struct conn *conn = (struct conn *)watch->cookie;
        say("conn %ld, state %ld, %.16s\n", conn->fd, conn->state, conn->room);
    }
}
