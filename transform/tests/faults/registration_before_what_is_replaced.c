// What the new release's start-up has put at the head of a list is lost when the old head, which was another, has been replaced.
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
    watch->next = watches;
    watches = watch;
}

void start(void) {
    add(1, "listener");
#if NEW
    add(2, "timer");
#endif
    next_id = 10;
}

// All but the timer make way for another.
void serve(void) {
    for (struct watch **at = &watches; *at;) {
        struct watch *watch = *at;
        if (watch->id == 2) {
            at = &watch->next;
        } else {
            *at = watch->next;
            free(watch);
        }
    }
    add(next_id++, "client");
}

void show(void) {
    for (int id = 0; id < 20; id++) {
        for (struct watch *watch = watches; watch; watch = watch->next) {
            if (watch->id == id) {
                say("%d %s\n", id, watch->name);
            }
        }
    }
}
