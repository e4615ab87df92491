// A name is freed and made anew: the allocator gives the same address, so the pointer's bits do not change.
struct user {
    int id;
    char *name;
    struct user *next;
};

struct user *users;

static void rename_to(struct user *user, const char *name) {
    free(user->name);
    user->name = calloc(1, 24);
    if (!user->name) {
        abort();
    }
    strncpy(user->name, name, 23);
}

static void add(int id, const char *name) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = id;
    rename_to(user, name);
    user->next = users;
    users = user;
}

void start(void) {
    add(1, "ann");
    add(2, "bob");
}

void serve(void) {
    rename_to(users, "charlie");
    rename_to(users->next, "dora");
}
