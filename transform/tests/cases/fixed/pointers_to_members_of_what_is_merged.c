// Pointers lead to members of what is merged into another object: of what start-up has made, and of what was made since.
#if !NEW
struct profile {
    int theme;
    int color;
    char name[12];
    short marks[3];
};
#endif

struct user {
#if !NEW
    struct profile *profile;
#endif
    int id;
#if NEW
    char name[12];
    int color;
    short marks[3];
#endif
    struct user *next;
};

#if NEW
#define profile_of(user) (user)
#else
#define profile_of(user) ((user)->profile)
#endif

struct watch {
    int *color;
    struct watch *next;
#if NEW
    int more;
#endif
};

struct user *users;
struct watch *watches;
int *favourite;
char *title;
short *marked;

static struct user *add(int id, const char *name) {
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
    profile_of(user)->color = id + 100;
    strcpy(profile_of(user)->name, name);
    user->next = users;
    users = user;
    return user;
}

static void watch(struct user *user) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        abort();
    }
    watch->color = &profile_of(user)->color;
    watch->next = watches;
    watches = watch;
#if NEW
    watch->more = 3;
#endif
}

void start(void) {
    watch(add(1, "one"));
    add(2, "two");
}

void serve(void) {
    struct user *second = users;
    profile_of(second)->color = 7;
    watch(second);
    struct user *third = add(3, "three");
    watch(third);
    favourite = &profile_of(second)->color;
    title = profile_of(third)->name + 2;
    marked = &profile_of(third)->marks[1];
    *marked = 9;
}
