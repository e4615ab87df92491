// A variable is gone that did not change since start-up, and with it what changed behind it: the rules give up the type.
#if !NEW
struct history {
    int length;
    int last[4];
};

struct keeper {
    struct history *history;
};

struct keeper *keeper;
#endif

struct user {
    int id;
    struct user *next;
};

struct user *users;
char *note;

void start(void) {
    note = calloc(1, 16);
    if (!note) {
        abort();
    }
#if !NEW
    keeper = calloc(1, sizeof *keeper);
    if (!keeper) {
        abort();
    }
    keeper->history = calloc(1, sizeof *keeper->history);
    if (!keeper->history) {
        abort();
    }
#endif
}

void serve(void) {
    struct user *user = calloc(1, sizeof *user);
    if (!user) {
        abort();
    }
    user->id = 3;
    user->next = users;
    users = user;
#if !NEW
    keeper->history->last[keeper->history->length++ % 4] = user->id;
#endif
}
