// Two users have one profile, which is merged into users: a pointer to it could lead to either.
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

static struct user *add(void) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = next_id++;
    user->next = users;
    users = user;
    return user;
}

void start(void) {
    next_id = 1;
}

void serve(void) {
    if (favourite) {
        (*favourite)++;
    }
    struct user *user = add();
#if NEW
    user->color = 7;
    favourite = &user->color;
    add()->color = 7;
#else
    user->profile = calloc(1, sizeof *user->profile);
    if (!user->profile) {
        abort();
    }
    user->profile->color = 7;
    favourite = &user->profile->color;
    add()->profile = user->profile;
#endif
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
