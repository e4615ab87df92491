// Static variables of one name in files of different names, as each release is a file of its own here. One has another type as well: that it is the
// same only a person knows.
#if NEW
static long total;
#else
static int total;
#endif
static int count;
char *note;

void start(void) {
    note = calloc(1, 16);
    if (!note) {
        abort();
    }
    total = 1;
    count = 1;
}

void serve(void) {
    total += 70000;
    count += 7;
}
