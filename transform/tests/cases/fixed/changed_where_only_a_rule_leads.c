// What start-up made changes where it is, and no path of members that both releases have leads there: a rule does, through what is given up, or
// through what is merged. A block is freed, and another made in its place, to which the pointer is as it was.
struct text {
    char of[24];
};

struct item {
    int value;
    struct text *label;
#if NEW
    long weight;
#endif
    struct item *next;
};

struct queue {
#if NEW
    struct item *second;
#else
    struct item *first;
#endif
    int used;
};

struct badge {
    int level;
    struct text *text;
};

#if !NEW
struct profile {
    struct text *name;
    struct badge badge;
    struct text *motto;
};
#endif

struct user {
#if NEW
    struct badge badge;
    struct text *motto;
    struct text *name;
#else
    struct profile *profile;
#endif
    int id;
};

#if NEW
#define profile_of(user) (user)
#else
#define profile_of(user) ((user)->profile)
#endif

struct queue queue;
struct user *users[2];
struct user alone;

static struct text *text(const char *of) {
    struct text *made = calloc(1, sizeof *made);
    if (!made) {
        abort();
    }
    strcpy(made->of, of);
    return made;
}

static struct item *item(int value, const char *label, struct item *next) {
    struct item *made = calloc(1, sizeof *made);
    if (!made) {
        abort();
    }
    made->value = value;
    made->label = text(label);
#if NEW
    made->weight = 5;
#endif
    made->next = next;
    return made;
}

static void set(struct user *user, int id) {
    user->id = id;
#if !NEW
    user->profile = calloc(1, sizeof *user->profile);
    if (!user->profile) {
        abort();
    }
#endif
    profile_of(user)->name = text("nobody");
    profile_of(user)->badge.level = id;
    profile_of(user)->badge.text = text("none");
    profile_of(user)->motto = text("wait");
}

void start(void) {
    struct item *second = item(2, "two", item(3, "three", NULL));
#if NEW
    queue.second = second;
#else
    queue.first = item(1, "one", second);
#endif
    for (int i = 0; i < 2; i++) {
        users[i] = calloc(1, sizeof *users[i]);
        if (!users[i]) {
            abort();
        }
        set(users[i], i);
    }
    set(&alone, 7);
}

void serve(void) {
#if NEW
    struct item *second = queue.second;
#else
    struct item *second = queue.first->next;
#endif
    second->value = 20;
    strcpy(second->next->label->of, "third");
    strcpy(profile_of(users[0])->name->of, "somebody");
    strcpy(profile_of(users[1])->badge.text->of, "gold");
    strcpy(profile_of(&alone)->badge.text->of, "iron");
    // The allocator gives back what was freed last.
    free(profile_of(users[1])->motto);
    profile_of(users[1])->motto = text("go");
    free(profile_of(&alone)->motto);
    profile_of(&alone)->motto = text("stop");
}
