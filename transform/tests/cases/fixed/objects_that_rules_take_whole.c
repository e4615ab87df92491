// A rule takes an object whole, of which each pointer becomes what it would become in an object by itself: one to a number that another object
// begins with, one that has a bit for something else in it.
struct item {
#if NEW
    int *best;
    struct item *tagged;
    int id;
#else
    int id;
    int *best;
    struct item *tagged;
#endif
};

#if !NEW
struct part {
    struct item item;
};
#endif

struct user {
#if NEW
    struct item own;
#else
    struct part *part;
#endif
    int number;
    struct user *next;
};

#if NEW
#define own_of(user) (&(user)->own)
#else
#define own_of(user) (&(user)->part->item)
#endif

struct item *items[3];
struct user *users;

static void add(int number, struct item *to) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
#if !NEW
    user->part = calloc(1, sizeof *user->part);
    if (!user->part) {
        abort();
    }
#endif
    user->number = number;
    own_of(user)->id = 5;
    own_of(user)->best = &to->id;
    own_of(user)->tagged = (void *)((uintptr_t)to | 1);
    user->next = users;
    users = user;
}

static void make(int index) {
    items[index] = calloc(1, sizeof *items[index]);
    if (!items[index]) {
        abort();
    }
    items[index]->id = index;
}

void start(void) {
    make(0);
    make(1);
    add(1, items[0]);
    add(2, items[0]);
}

void serve(void) {
    make(2);
    own_of(users)->best = &items[1]->id;
    own_of(users->next)->best = &items[2]->id;
    own_of(users->next)->tagged = (void *)((uintptr_t)items[2] | 1);
    add(3, items[2]);
    add(4, items[1]);
}
