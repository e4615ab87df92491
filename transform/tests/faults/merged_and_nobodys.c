// A profile that no user has yet: profiles are merged into users, and there is none to merge it into.
#if !NEW
struct profile {
    int color;
    int theme;
};
#endif

struct user {
    int id;
#if NEW
    int color;
#else
    struct profile *profile;
#endif
    struct user *next;
};

#if NEW
#define part user
#else
#define part profile
#endif

struct user *users;
struct part *spare;
int next_id;

static void make_spare(void) {
    spare = calloc(1, sizeof *spare);
    if (!spare) {
        abort();
    }
    spare->color = 7;
}

void start(void) {
    next_id = 1;
}

void serve(void) {
    if (!spare) {
        make_spare();
    }
    struct user *user;
#if NEW
    user = spare;
#else
    user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->profile = spare;
#endif
    user->id = next_id++;
    user->next = users;
    users = user;
    make_spare();
    spare->color += user->id;
}

void show(void) {
    for (struct user *user = users; user; user = user->next) {
#if NEW
        say("user %d %d\n", user->id, user->color);
#else
        say("user %d %d\n", user->id, user->profile->color);
#endif
    }
}
