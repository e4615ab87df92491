// Members change places, one goes.
struct item {
#if NEW
    struct item *next;
    char name[12];
    short weight;
    int id;
#else
    int id;
    int legacy;
    short weight;
    char name[12];
    struct item *next;
#endif
};

struct item *items;

static void add(int id, const char *name) {
    struct item *item = calloc(1, sizeof *item);
    if (!item) {
        abort();
    }
    item->id = id;
    item->weight = (short)-id;
    strncpy(item->name, name, sizeof item->name - 1);
#if !NEW
    item->legacy = 12345;
#endif
    item->next = items;
    items = item;
}

void start(void) {
    add(1, "one");
    add(2, "two");
}

void serve(void) {
    add(3, "three");
    items->next->weight = 9;
    items->next->next->id = 11;
}
