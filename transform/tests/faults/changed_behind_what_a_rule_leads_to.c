// Start-up has made a list that only a rule leads to in the new release, whose start-up makes none there. What it holds has changed since.
struct item {
    int value;
    struct item *next;
};

struct queue {
#if NEW
    struct item *second;
#else
    struct item *first;
#endif
};

struct queue queue;

static struct item *item(int value, struct item *next) {
    struct item *made = calloc(1, sizeof *made);
    if (!made) {
        abort();
    }
    made->value = value;
    made->next = next;
    return made;
}

void start(void) {
#if !NEW
    queue.first = item(1, item(2, item(3, NULL)));
#endif
}

void serve(void) {
#if NEW
    queue.second = item(2, item(30, NULL));
#else
    queue.first->next->next->value = 30;
#endif
}

void show(void) {
#if NEW
    say("%d\n", queue.second ? queue.second->next->value : 0);
#endif
}
