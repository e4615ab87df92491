// A bundle of parts whose number only the program knows; the parts grow.
struct part {
    int used;
#if NEW
    int weight;
#endif
    struct part *next;
};

struct bundle {
#if NEW
    long sent;
#endif
    struct bundle *next;
    struct part parts[];
};

struct bundle *bundles;

static void add(int first) {
    struct bundle *one = calloc(1, sizeof *one + 3 * sizeof one->parts[0]);
    if (!one) {
        abort();
    }
#if NEW
    one->sent = 9;
#endif
    for (int i = 0; i < 3; i++) {
        one->parts[i].used = first + i;
#if NEW
        one->parts[i].weight = 5;
#endif
        one->parts[i].next = &one->parts[(i + 1) % 3];
    }
    one->next = bundles;
    bundles = one;
}

void start(void) {
    add(3);
}

void serve(void) {
    add(7);
    add(100);
}
