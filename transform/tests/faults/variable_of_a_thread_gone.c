// What a thread counted for itself is a variable for all threads in the new release.
#if NEW
long served;
#else
_Thread_local long served;
#endif

void start(void) {
    served = 0;
}

void serve(void) {
    served += 5;
}

void show(void) {
    say("%ld served\n", served);
}
