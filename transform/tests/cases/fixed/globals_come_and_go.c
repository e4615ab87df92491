// Variables that only one release has, and one whose type changes.
#if NEW
long served;
int fresh = 5;
struct {
    int requests;
} stats;
#else
int served;
int stale = 5;
int requests;
#endif

int *heap;

void start(void) {
    heap = calloc(1, sizeof *heap);
    if (!heap) {
        abort();
    }
    served = 1;
#if NEW
    fresh = 6;
#endif
}

void serve(void) {
    served += 41;
    *heap = 4;
#if NEW
    stats.requests += 7;
#else
    stale++;
    requests += 7;
#endif
}
