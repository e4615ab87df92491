// A text on the heap, of whose block nothing tells the type, changes where it is: six letters behind sixteen are a number that may be an address,
// but nothing is there.
struct user {
    char *name;
    int id;
#if NEW
    int rights;
#endif
    struct user *next;
};

struct user *users;

__attribute__((noinline)) static char *text(const char *of) {
    char *made = malloc(32);
    if (!made) {
        abort();
    }
    memset(made, 0, 32);
    strcpy(made, of);
    return made;
}

static void add(int id, const char *name) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = id;
    user->name = text(name);
#if NEW
    user->rights = 3;
#endif
    user->next = users;
    users = user;
}

void start(void) {
    add(1, "somebody");
    add(2, "nobody");
}

void serve(void) {
    strcpy(users->name, "abcdefghijklmnopqrstuv");
    add(3, "zyxwvutsrqponmlkjihgfe");
}
