// Pointers to an object lead to what is split off it: of what start-up has made, and of what was made since; in an object of which nothing else
// changes, in one that changes, in a variable, in an array.
struct auth;

struct session {
#if NEW
    struct auth *auth;
#else
    char user[8];
    int level;
#endif
    int id;
    struct session *next;
};

#if NEW
struct auth {
    int level;
    char user[8];
    long since;
};
typedef struct auth *auth_pointer;
#define auth_of(session) ((session)->auth)
#else
typedef struct session *auth_pointer;
#define auth_of(session) (session)
#endif

struct watch {
    auth_pointer whom;
    struct watch *next;
};

struct rights {
    struct session *of;
    auth_pointer by[2];
#if NEW
    int more;
#endif
    struct rights *next;
};

struct session *sessions;
struct watch *watches;
struct rights *rights;
auth_pointer last;

static struct session *add(int id, const char *user) {
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
    auth_of(session)->level = id + 10;
    strcpy(auth_of(session)->user, user);
    session->next = sessions;
    sessions = session;
    return session;
}

static void watch(struct session *session, struct session *other) {
    struct watch *watch = calloc(1, sizeof *watch);
    struct rights *right = calloc(1, sizeof *right);
    if (!watch || !right) {
        abort();
    }
    watch->whom = auth_of(session);
    watch->next = watches;
    watches = watch;
    right->of = session;
    right->by[0] = auth_of(session);
    right->by[1] = other ? auth_of(other) : NULL;
#if NEW
    right->more = 3;
#endif
    right->next = rights;
    rights = right;
}

void start(void) {
    struct session *first = add(1, "one");
    watch(first, NULL);
    add(2, "two");
}

void serve(void) {
    struct session *second = sessions, *first = second->next;
    auth_of(first)->level = 100;
    auth_of(second)->level = 200;
    watch(second, first);
    struct session *third = add(3, "three");
    watch(third, second);
    rights->next->next->by[1] = auth_of(third);
    last = auth_of(second);
}
