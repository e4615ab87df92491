// Where a session goes on is a place in the middle of a function.
#if !defined __clang__
// It takes labels for variables of the function.
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

struct session {
    void *resume;
    long steps;
};

struct session *session;

__attribute__((noinline)) static void run(struct session *one) {
    if (!one->resume) {
        one->resume = &&first;
    }
    goto *one->resume;
first:
    one->steps += 1;
    one->resume = &&second;
    return;
second:
    one->steps += NEW ? 10 : 100;
    one->resume = &&first;
}

void start(void) {
    session = NULL;
}

void serve(void) {
    if (!session) {
        session = calloc(1, sizeof *session);
        if (!session) {
            abort();
        }
    }
    run(session);
}

void show(void) {
    say("%ld steps\n", session->steps);
}
