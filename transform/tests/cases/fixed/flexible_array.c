// A message with its bytes behind it; its head grows.
struct kind {
    unsigned short value;
};

struct message {
#if NEW
    long sent;
#endif
    struct message *next;
    unsigned short len;
    struct kind kinds[];
};

struct message *messages;

static void add(unsigned short len) {
    struct message *one = calloc(1, sizeof *one + len * sizeof one->kinds[0]);
    if (!one) {
        abort();
    }
#if NEW
    one->sent = 9;
#endif
    one->len = len;
    for (unsigned short i = 0; i < len; i++) {
        one->kinds[i].value = (unsigned short)(len * 100 + i);
    }
    one->next = messages;
    messages = one;
}

void start(void) {
    add(3);
    add(20);
}

void serve(void) {
    add(7);
    add(100);
    messages->next->next->kinds[19].value = 1;
}
