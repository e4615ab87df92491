// A list is linked anew: no member leads from one to the next any more, and the variable that led to the first one is gone.
struct user {
    int id;
#if NEW
    struct user *chain;
#else
    struct user *next;
#endif
};

#if NEW
struct user *even, *odd;
#else
struct user *users;
#endif

static void add(int id) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = id;
#if NEW
    struct user **list = id % 2 ? &odd : &even;
    user->chain = *list;
    *list = user;
#else
    user->next = users;
    users = user;
#endif
}

void *block;

void start(void) {
    block = malloc(16);
}

void serve(void) {
    for (int id = 9; id > 0; id--) {
        add(id);
    }
}
