// A number in a union gets more bits, a constant comes in between, and what a pointer in it leads to grows.
#if NEW
enum kind { KIND_NUMBER, KIND_NONE, KIND_REAL, KIND_TEXT, KIND_NODE };
#else
enum kind { KIND_NUMBER, KIND_REAL, KIND_TEXT, KIND_NODE };
#endif

struct node {
    int id;
#if NEW
    int weight;
#endif
};

struct value {
    enum kind kind;
    union {
#if NEW
        long number;
#else
        int number;
#endif
        double real;
        char text[8];
        struct node *node;
    } as;
};

struct value values[8];
struct value *more;

static struct node *node(int id) {
    struct node *made = calloc(1, sizeof *made);
    if (!made) {
        abort();
    }
    made->id = id;
#if NEW
    made->weight = 5;
#endif
    return made;
}

static void set(struct value *value, int seed) {
    memset(value, 0, sizeof *value);
    switch (seed % 4) {
    case 0:
        value->kind = KIND_NUMBER;
        value->as.number = -seed;
        break;
    case 1:
        value->kind = KIND_REAL;
        value->as.real = seed / 3.0;
        break;
    case 2:
        value->kind = KIND_TEXT;
        memcpy(value->as.text, "text", 5);
        break;
    default:
        value->kind = KIND_NODE;
        value->as.node = node(seed);
    }
}

void start(void) {
    for (int i = 0; i < 4; i++) {
        set(&values[i], i);
    }
    more = calloc(1, sizeof *more);
    if (!more) {
        abort();
    }
    set(more, 3);
}

void serve(void) {
    for (int i = 2; i < 8; i++) {
        set(&values[i], i + 1);
    }
    more = calloc(1, sizeof *more);
    if (!more) {
        abort();
    }
    set(more, 8);
}
