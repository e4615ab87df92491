// A structure is split: what start-up has made, and has changed since; what was made since.
struct auth {
    char user[16];
    int level;
    long since;
};

struct session {
    int fd;
#if NEW
    struct auth *auth;
#else
    char user[16];
    int level;
#endif
    struct session *next;
    int state;
};

struct session *sessions;

static struct session *add(int fd, const char *user) {
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        abort();
    }
    session->fd = fd;
    session->state = fd * 10;
#if NEW
    session->auth = calloc(1, sizeof *session->auth);
    if (!session->auth) {
        abort();
    }
    strncpy(session->auth->user, user, sizeof session->auth->user - 1);
    session->auth->since = 77;
#else
    strncpy(session->user, user, sizeof session->user - 1);
#endif
    session->next = sessions;
    sessions = session;
    return session;
}

static int *level_of(struct session *session) {
#if NEW
    return &session->auth->level;
#else
    return &session->level;
#endif
}

void start(void) {
    add(3, "first");
    add(4, "second");
    *level_of(sessions) = 1;
}

void serve(void) {
    struct session *second = sessions;
    *level_of(second) = 9;
    second->state = 5;
    struct session *third = add(5, "third");
    *level_of(third) = 4;
    add(6, "fourth");
}
