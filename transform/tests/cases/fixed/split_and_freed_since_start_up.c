// An object that start-up made, and that is split in the new release, has been freed since: what the new start-up has made for it, both parts of it,
// goes with it.
struct auth {
    int level;
    long since;
};

struct session {
    int id;
#if NEW
    struct auth *auth;
#else
    int level;
#endif
};

struct session *first;
struct session *second;

#if NEW
#define level_of(session) ((session)->auth->level)
#else
#define level_of(session) ((session)->level)
#endif

static struct session *make(int id) {
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        abort();
    }
#if NEW
    session->auth = calloc(1, sizeof *session->auth);
    if (!session->auth) {
        abort();
    }
    session->auth->since = 77;
#endif
    session->id = id;
    level_of(session) = id + 10;
    return session;
}

void start(void) {
    first = make(1);
    second = make(2);
}

void serve(void) {
    if (first) {
#if NEW
        free(first->auth);
#endif
        free(first);
        first = NULL;
    }
    level_of(second) = 5;
}
