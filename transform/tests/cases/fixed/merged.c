// Two structures become one, among what start-up has made and among what was made since.
#if !NEW
struct profile {
    int color;
    char name[12];
    int theme;
};
#endif

struct user {
    int id;
#if NEW
    int color;
    char name[12];
#else
    struct profile *profile;
#endif
    struct user *next;
};

struct user *users;

static void describe(struct user *user, int color, const char *name) {
#if NEW
    user->color = color;
    memset(user->name, 0, sizeof user->name);
    strncpy(user->name, name, sizeof user->name - 1);
#else
    memset(user->profile->name, 0, sizeof user->profile->name);
    user->profile->color = color;
    strncpy(user->profile->name, name, sizeof user->profile->name - 1);
#endif
}

static void add(int id, const char *name) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = id;
#if !NEW
    user->profile = calloc(1, sizeof *user->profile);
    if (!user->profile) {
        abort();
    }
    user->profile->theme = 5;
#endif
    describe(user, id + 100, name);
    user->next = users;
    users = user;
}

void start(void) {
    add(1, "one");
    add(2, "two");
}

void serve(void) {
    describe(users, 7, "other");
    add(3, "three");
}
