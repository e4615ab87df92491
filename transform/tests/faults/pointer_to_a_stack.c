// A pointer leads to a stack, which the new release has not.
struct session {
    const char *mark;
    long id;
};

struct session *session;

__attribute__((noinline)) static const char *here(void) {
    return __builtin_frame_address(0);
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
    session->mark = here();
    session->id++;
}

void show(void) {
    volatile char there = *session->mark;
    (void)there;
    say("session %ld has a mark\n", session->id);
}
