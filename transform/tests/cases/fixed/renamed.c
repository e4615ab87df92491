// Everything has another name.
#if NEW
#define TYPE link
#define MEMBER length
#define GLOBAL links
#define COUNT link_count
#define HANDLER handle_read
#else
#define TYPE conn
#define MEMBER len
#define GLOBAL conns
#define COUNT conn_count
#define HANDLER on_read
#endif

struct TYPE {
    unsigned MEMBER;
    void (*handler)(struct TYPE *);
    struct TYPE *next;
};

struct TYPE *GLOBAL;
unsigned COUNT;

void on_close(struct TYPE *one);
void HANDLER(struct TYPE *one);

void on_close(struct TYPE *one) {
    one->MEMBER = 0;
}

void HANDLER(struct TYPE *one) {
    one->MEMBER++;
}

static void add(unsigned length) {
    struct TYPE *one = calloc(1, sizeof *one);
    if (!one) {
        abort();
    }
    one->MEMBER = length;
    one->handler = length % 2 ? HANDLER : on_close;
    one->next = GLOBAL;
    GLOBAL = one;
    COUNT++;
}

void start(void) {
    add(5);
    add(6);
}

void serve(void) {
    add(7);
    add(8);
    GLOBAL->next->next->handler(GLOBAL->next->next);
    GLOBAL->next->next->handler = HANDLER;
}
