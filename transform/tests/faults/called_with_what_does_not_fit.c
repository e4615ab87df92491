// The new release is told a limit by a call, which takes less than what the old one's may hold.
int limit;
#if NEW
int slots;
#endif

#if NEW
void set_limit(short wanted);

__attribute__((noinline)) void set_limit(short wanted) {
    limit = wanted;
    slots = wanted / 8;
}
#endif

void start(void) {
    limit = 8;
#if NEW
    slots = 1;
#endif
}

void serve(void) {
#if NEW
    set_limit(32767);
#else
    limit = 70000;
#endif
}

void show(void) {
#if NEW
    say("%d in %d slots\n", limit, slots);
#endif
}
