// Pointers to functions, variables and constants, all of which lie elsewhere in the new release.
struct setting {
    const char *name;
    int *value;
    void (*apply)(int);
    struct setting *next;
};

#if NEW
long in_between[10];
void on_new(int value);
void on_new(int value) {
    in_between[1] = value;
}
#endif

int port = 80;
int limits[4];
struct {
    int low;
    int high;
} range;

void on_port(int value);
void on_limit(int value);

void on_limit(int value) {
    limits[0] = value;
}

void on_port(int value) {
    port = value;
}

struct setting *settings;
const char *greeting = "welcome";
void (*fallback)(int) = on_port;

static void add(const char *name, int *value, void (*apply)(int)) {
    struct setting *one = calloc(1, sizeof *one);
    if (!one) {
        abort();
    }
    one->name = name;
    one->value = value;
    one->apply = apply;
    one->next = settings;
    settings = one;
}

void start(void) {
#if NEW
    on_new(3);
#endif
    add("port", &port, on_port);
    add("first limit", &limits[0], on_limit);
}

void serve(void) {
    add("range", &range.high, NULL);
    add("last limit", &limits[3], on_limit);
    settings->next->next->name = "the port";
    settings->next->next->value = &range.low;
    settings->next->next->next->apply = on_limit;
    fallback = on_limit;
    greeting = "goodbye";
}
