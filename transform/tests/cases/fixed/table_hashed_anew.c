// A table of a variable whose structure has no name, its entries by texts: another hash function, and what a session keeps in an array of texts is a
// list of structures that have nothing but the text.
struct entry {
    struct entry *next;
    unsigned hash;
    char *key;
};

struct {
#if NEW
    int most;
#endif
    struct entry *buckets[64];
#if !NEW
    int limit;
#endif
} table;

struct entry *last;

#if NEW
struct mark {
    struct mark *next;
    char *key;
};
#endif

struct session {
    int count;
#if NEW
    struct mark *marks;
#else
    char *marks[4];
#endif
};

struct session *session;
int total;

static unsigned hash_of(const char *key) {
#if NEW
    unsigned hash = 2166136261u;
    for (; *key; key++) {
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    }
#else
    unsigned hash = 5381;
    for (; *key; key++) {
        hash = hash * 33 + (unsigned char)*key;
    }
#endif
    return hash;
}

static char *copy(const char *text) {
    char *copied = malloc(strlen(text) + 1);
    if (!copied) {
        abort();
    }
    return strcpy(copied, text);
}

static void add(const char *key) {
    struct entry *entry = malloc(sizeof *entry);
    if (!entry) {
        abort();
    }
    entry->hash = hash_of(key);
    entry->key = copy(key);
    struct entry **bucket = &table.buckets[entry->hash % 64];
    entry->next = *bucket;
    *bucket = entry;
    last = entry;
}

static void mark(const char *key) {
#if NEW
    struct mark **end = &session->marks;
    while (*end) {
        end = &(*end)->next;
    }
    *end = calloc(1, sizeof **end);
    if (!*end) {
        abort();
    }
    (*end)->key = copy(key);
    session->count++;
#else
    session->marks[session->count++] = copy(key);
#endif
}

void start(void) {
    session = calloc(1, sizeof *session);
    if (!session) {
        abort();
    }
#if NEW
    table.most = 100;
#else
    table.limit = 100;
#endif
}

void serve(void) {
    // No two of them share a bucket, by either function.
    add("apples");
    add("bread");
    add("\xe4\xf6\xfc");
    mark("bread");
    mark("apples");
    mark("nothing of the name");
#if NEW
    table.most = 200;
    total = 3 + session->count;
#else
    table.limit = 200;
    total = 3;
#endif
}
