// A pointer to the only member of an object leads to that, and not to all of the object, though both have as many bytes.
struct counter {
#if NEW
    unsigned step;
#endif
    int count;
};

struct counter *counter;
int *busiest;

void start(void) {
    busiest = NULL;
}

void serve(void) {
    if (!counter) {
        counter = calloc(1, sizeof *counter);
        if (!counter) {
            abort();
        }
#if NEW
        counter->step = 1;
#endif
        busiest = &counter->count;
    }
    *busiest += 5;
}
