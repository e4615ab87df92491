// What start-up has made is gone when the update comes, and other objects lie in its place.
struct item {
    int id;
#if NEW
    int extra;
#endif
    struct item *next;
};

struct item *items;
struct item *spare;

static struct item *make(int id) {
    struct item *item = calloc(1, sizeof *item);
    if (!item) {
        abort();
    }
    item->id = id;
#if NEW
    item->extra = 2;
#endif
    return item;
}

static void add(int id) {
    struct item *item = make(id);
    item->next = items;
    items = item;
}

void start(void) {
    for (int i = 0; i < 6; i++) {
        add(i);
    }
    spare = make(100);
}

void serve(void) {
    for (int i = 0; i < 4; i++) {
        struct item *gone = items;
        items = gone->next;
        free(gone);
    }
    free(spare);
    spare = NULL;
    for (int i = 10; i < 13; i++) {
        add(i);
    }
}
