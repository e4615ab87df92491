// A member is new in the middle of a variable's structure, and what its value is nobody says: the new start-up has given it one. The members
// before and behind it are carried over.
struct stats {
    int hits;
#if NEW
    int limit;
#endif
    int misses;
    long bytes;
};

struct stats stats;
char *note;
static int served;

void start(void) {
    note = calloc(1, 16);
    if (!note) {
        abort();
    }
    stats.hits = 1;
#if NEW
    stats.limit = 64;
#endif
    stats.misses = 2;
}

void serve(void) {
    stats.hits += 10;
    stats.misses += 20;
    stats.bytes += 4096;
    served++;
}
