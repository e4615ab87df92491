// A member and a variable go, and with them all that only they led to: among it what has no counterpart in the new release.
#if !NEW
struct trace {
    void (*log)(int);
    const char *text;
    struct trace *next;
};

int logged;

void log_old(int level);
void log_old(int level) { logged += level; }

struct trace *traces;
#endif

struct user {
#if !NEW
    struct trace *last;
#endif
    int id;
    struct user *next;
#if NEW
    int level;
#endif
};

struct user *users;

#if !NEW
static struct trace *trace(struct trace *next) {
    struct trace *trace = calloc(1, sizeof *trace);
    if (!trace) {
        abort();
    }
    trace->log = log_old;
    trace->text = "what only the old release says";
    trace->next = next;
    return trace;
}
#endif

static void add(int id) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = id;
    user->next = users;
    users = user;
#if !NEW
    user->last = trace(trace(NULL));
#else
    user->level = 3;
#endif
}

void start(void) {
    add(1);
}

void serve(void) {
    add(2);
    add(3);
#if !NEW
    traces = trace(traces);
    users->next->next->last = trace(users->last);
#endif
}
