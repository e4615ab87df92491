// A rule leads a pointer to what nothing else leads to any more, in objects that both start-ups have made and that others hold by value: in a
// variable, in a block, in elements of a block.
struct item {
    int value;
    struct item *next;
#if NEW
    long weight;
#endif
};

struct queue {
#if NEW
    struct item *second;
#else
    struct item *first;
#endif
    int used;
};

struct server {
    struct queue waiting;
    int id;
    struct queue done[2];
};

struct queue queue;
struct server server;
struct server *servers;

static void add(struct queue *queue, int value) {
    struct item *item = calloc(1, sizeof *item);
    if (!item) {
        abort();
    }
    item->value = value;
#if NEW
    item->weight = 5;
    // The new release has no use for the first of two.
    if (queue->used % 2) {
        free(item);
    } else {
        queue->second = item;
    }
#else
    item->next = queue->first;
    queue->first = item;
#endif
    queue->used++;
}

void start(void) {
    servers = calloc(2, sizeof *servers);
    if (!servers) {
        abort();
    }
    servers[0].id = 1;
    servers[1].id = 2;
}

void serve(void) {
    struct queue *all[] = {&queue, &server.waiting, &server.done[1], &servers[0].done[0], &servers[1].waiting};
    for (int i = 0; i < 5; i++) {
        add(all[i], 10 * i + 1);
        add(all[i], 10 * i + 2);
    }
}
