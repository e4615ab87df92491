// The new release's start-up registers something in a list that the old one has added to since.
struct watch {
    int id;
    const char *name;
    struct watch *next;
};

struct watch *watches;
int next_id;

static void add(int id, const char *name) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        abort();
    }
    watch->id = id;
    watch->name = name;
    struct watch **last = &watches;
    while (*last) {
        last = &(*last)->next;
    }
    *last = watch;
}

void start(void) {
    add(1, "listener");
#if NEW
    add(2, "timer");
#endif
    next_id = 10;
}

void serve(void) {
    add(next_id++, "client");
}

// In the order of their numbers.
void show(void) {
    for (int id = 0; id < 20; id++) {
        for (struct watch *watch = watches; watch; watch = watch->next) {
            if (watch->id == id) {
                say("%d %s\n", id, watch->name);
            }
        }
    }
}
