// A new member that is reset lies where a dropped one lay, and nothing else about the object changes: in one type it is a number, in another a
// pointer, in what an object holds by value.
struct conn {
    int id;
#if NEW
    int strikes;
#else
    int weight;
#endif
    struct conn *next;
};

struct slot {
#if NEW
    struct slot *later;
#else
    long stamp;
#endif
};

struct queue {
    struct slot slots[2];
    int used;
};

struct conn *conns;
struct queue *queue;

static void add(int id) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->id = id;
#if !NEW
    conn->weight = 70 + id;
#endif
    conn->next = conns;
    conns = conn;
}

void start(void) {
    add(1);
}

void serve(void) {
    add(2);
    conns->next->id = 10;
    queue = calloc(1, sizeof *queue);
    if (!queue) {
        abort();
    }
    queue->used = 1;
#if !NEW
    queue->slots[0].stamp = 9;
    queue->slots[1].stamp = 11;
#endif
}
