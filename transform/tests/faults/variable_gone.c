// What was counted in a variable of its own is now a member of another.
#if NEW
struct {
    long errors;
    long served;
} stats;
#define served stats.served
#else
long served;
#endif

void start(void) {
    served = 0;
}

void serve(void) {
    served += 5;
}

void show(void) {
    say("%ld served\n", (long)served);
}
