// A number gets fewer bits, and one that lives has more. The new release goes by it.
struct quota {
    int id;
#if NEW
    short limit;
#else
    int limit;
#endif
    struct quota *next;
};

struct quota *quotas;
int next_id;

void start(void) {
    next_id = 1;
}

void serve(void) {
    for (int i = 0; i < 2; i++) {
        struct quota *one = calloc(1, sizeof *one);
        if (!one) {
            abort();
        }
        one->id = next_id++;
        int limit = one->id % 2 ? 70000 : 100;
        one->limit = NEW && limit > 32767 ? 32767 : limit;
        one->next = quotas;
        quotas = one;
    }
}

void show(void) {
    for (struct quota *one = quotas; one; one = one->next) {
        say("quota %d: %d\n", one->id, one->limit);
    }
}
