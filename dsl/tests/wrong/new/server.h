/* A small server as it is to be: what the wrong files of the catalogue are held against. */
#include <stddef.h>
#include <stdint.h>

enum state { STATE_IDLE, STATE_BUSY, STATE_CLOSED, STATE_WAITING };

enum colour { COLOUR_RED, COLOUR_GREEN = 5 };

enum kind { KIND_NONE, KIND_TEXT, KIND_NUMBER };

struct session {
    int id;
    char name[16];
    struct session *next;
};

struct value {
    enum kind kind;
    union {
        char *text;
        long number;
        void *object;
    } u;
};

struct array {
    void *elts;
    unsigned nelts;
    size_t size;
};

struct buffer {
    char *start;
    char *last;
    char *end;
};

struct conn {
    int fd;
    uint16_t port;
    enum state state;
    unsigned flags;
    void *data;
    void (*on_read)(struct conn *);
    struct session *peer;
    struct value value;
    struct conn *next;
    uint64_t bytes;
    unsigned options;
    long start_time;
    double weight;
    int limits[4];
    uintptr_t word;
};

struct page_class {
    unsigned size;
    unsigned perpage;
    void **pages;
    unsigned count;
};

struct item {
    struct item *next;
    unsigned char flags;
    char data[];
};

struct renamed {
    int first;
    int second;
    int third;
};

struct module {
    const char *name;
};

struct queue {
    struct session **queue_entries;
    unsigned queue_count;
};

struct ring {
    int slots[4];
    char *label;
    union {
        char *text;
        double number;
    } u;
};

struct opaque;

struct pool {
    char *last;
    char *end;
    struct pool *next;
    size_t size;
};

void *pool_alloc(struct pool *pool, size_t size);
void *wrap_alloc(size_t size);
void handle_read(struct conn *conn, int events);
void on_write(struct conn *conn);
void serve(struct session *session);
void rebuild(struct array *array, int count);
