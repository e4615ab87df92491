// What a rule leads to when all else is made lives on, though every other way to it is given up, and takes its new form.
struct label {
#if NEW
    long weight;
#endif
    char text[8];
#if !NEW
    int width;
#endif
};

#if !NEW
struct info {
    struct label *label;
    int level;
};
#endif

struct conn {
    int id;
#if NEW
    struct label *label;
#else
    struct info *info;
#endif
    struct conn *next;
};

struct conn *conns;

static struct label *label(const char *text) {
    struct label *label = calloc(1, sizeof *label);
    if (!label) {
        abort();
    }
    strcpy(label->text, text);
#if NEW
    label->weight = 2 * (long)strlen(text);
#else
    label->width = (int)strlen(text);
#endif
    return label;
}

static void add(int id, const char *text) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        abort();
    }
    conn->id = id;
#if NEW
    conn->label = label(text);
#else
    conn->info = calloc(1, sizeof *conn->info);
    if (!conn->info) {
        abort();
    }
    conn->info->label = label(text);
#endif
    conn->next = conns;
    conns = conn;
}

void start(void) {
    conns = NULL;
}

void serve(void) {
    add(1, "one");
    add(2, "other");
}
