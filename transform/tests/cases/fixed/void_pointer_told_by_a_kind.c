// A pointer to anything, and a number that says to what.
enum kind { NOTHING, A_USER, A_FILE };

struct user {
    int uid;
#if NEW
    long quota;
#endif
};

struct file {
#if NEW
    long size;
    int fd;
#else
    int fd;
    long size;
#endif
};

struct request {
    enum kind kind;
    void *data;
    struct request *next;
};

struct request *requests;

static void add(int seed) {
    struct request *request = calloc(1, sizeof *request);
    if (!request) {
        abort();
    }
    if (seed % 3 == 1) {
        struct user *user = calloc(1, sizeof *user);
        if (!user) {
            abort();
        }
        user->uid = seed;
#if NEW
        user->quota = 100;
#endif
        request->kind = A_USER;
        request->data = user;
    } else if (seed % 3 == 2) {
        struct file *file = calloc(1, sizeof *file);
        if (!file) {
            abort();
        }
        file->fd = seed;
        file->size = seed * 1000L;
        request->kind = A_FILE;
        request->data = file;
    }
    request->next = requests;
    requests = request;
}

void start(void) {
    add(0);
    add(1);
    add(2);
}

void serve(void) {
    add(3);
    add(4);
    add(5);
    requests->next->next->next->data = requests->next->data;
    requests->next->next->next->kind = requests->next->kind;
}
