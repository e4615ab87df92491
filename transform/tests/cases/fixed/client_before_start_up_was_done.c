// A client has come before the old release's start-up was done: what was made for it has changed since, though what leads to it has not.
struct bundle {
    int count;
#if NEW
    int waiting;
#endif
    struct bundle *next;
};

struct worker {
    int number;
    struct bundle *open;
};

struct worker *workers;
int served;

static void greet(struct worker *worker) {
    if (!worker->open) {
        worker->open = calloc(1, sizeof *worker->open);
    }
    if (!worker->open) {
        abort();
    }
    worker->open->count++;
    served++;
}

void start(void) {
    workers = calloc(2, sizeof *workers);
    if (!workers) {
        abort();
    }
    workers[1].number = 1;
#if !NEW
    greet(&workers[0]);
    workers[0].open->count = 0;
    served = 0;
#endif
}

void serve(void) {
    greet(&workers[0]);
    greet(&workers[1]);
}
