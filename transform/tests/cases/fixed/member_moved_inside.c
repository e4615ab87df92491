// Two members get a structure of their own.
struct address {
    int port;
    int family;
};

struct conn {
    int fd;
#if NEW
    struct address peer;
#define PORT peer.port
#define FAMILY peer.family
#else
    int port;
    int family;
#define PORT port
#define FAMILY family
#endif
    struct conn *next;
};

struct conn *conns;
struct address own;

static void add(int fd) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->fd = fd;
    conn->PORT = 8000 + fd;
    conn->FAMILY = 2;
    conn->next = conns;
    conns = conn;
}

void start(void) {
    own.port = 80;
    add(3);
    add(4);
}

void serve(void) {
    add(5);
    conns->next->FAMILY = 10;
    own.family = 10;
}
