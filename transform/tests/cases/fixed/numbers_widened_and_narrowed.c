// Numbers get more bits or fewer; all values fit.
struct numbers {
#if NEW
    long grows;
    unsigned long grows_unsigned;
    short shrinks;
    double real;
    unsigned flag : 3;
    int delta : 9;
#else
    int grows;
    unsigned char grows_unsigned;
    int shrinks;
    float real;
    unsigned flag : 1;
    int delta : 5;
#endif
    struct numbers *next;
};

struct numbers *all;
struct numbers in_place;
#if NEW
long total;
#else
int total;
#endif

static void set(struct numbers *one, int seed) {
    one->grows = -seed;
    one->grows_unsigned = (unsigned char)(200 + seed);
    one->shrinks = (short)(-7 * seed);
    one->real = 0.5f * (float)seed;
    one->flag = seed & 1;
    one->delta = -seed % 16;
    total -= seed;
}

static void add(int seed) {
    struct numbers *one = calloc(1, sizeof *one);
    if (!one) {
        abort();
    }
    set(one, seed);
    one->next = all;
    all = one;
}

void start(void) {
    add(1);
    add(2);
    set(&in_place, 3);
}

void serve(void) {
    add(15);
    set(all->next->next, 14);
    set(&in_place, 13);
}
