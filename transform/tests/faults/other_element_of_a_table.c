// A table of things with names begins with another one in the new release.
struct counter {
    const char *name;
    long hits;
};

struct counter counters[NEW ? 3 : 2];

void start(void) {
    int at = 0;
#if NEW
    counters[at++].name = "add";
#endif
    counters[at++].name = "get";
    counters[at++].name = "set";
}

void serve(void) {
    for (unsigned i = 0; i < sizeof counters / sizeof *counters; i++) {
        if (strcmp(counters[i].name, "get") == 0) {
            counters[i].hits += 5;
        }
    }
}

void show(void) {
    for (unsigned i = 0; i < sizeof counters / sizeof *counters; i++) {
        say("%s %ld\n", counters[i].name, counters[i].hits);
    }
}
