// What is merged into another object is pointed to besides: the new release has its members elsewhere.
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

struct user *users;
int *favourite;
int next_id;

void start(void) {
    next_id = 1;
}

void serve(void) {
    if (favourite) {
        (*favourite)++;
    }
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = next_id++;
#if NEW
    user->color = 7;
    favourite = &user->color;
#else
    user->profile = calloc(1, sizeof *user->profile);
    if (!user->profile) {
        abort();
    }
    user->profile->color = 7;
    favourite = &user->profile->color;
#endif
    user->next = users;
    users = user;
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
