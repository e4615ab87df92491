// Types such as servers have, whose reading takes facts. Compiled for its debug info; never run.

struct request { struct request *main; void *own; long number; };
struct waiting { struct waiting *next; long since; };

struct event { void *data; void (*handler)(struct event *); };
enum state { IDLE, BUSY = 5 };
struct conn {
    void *data;
    struct event *read;
    enum state state;
    unsigned type : 4, coding : 4;
    union { struct request *request; struct waiting *waiting; unsigned long plain; } u;
    union { struct request *either; unsigned long or_number; };
};
void on_wait(struct event *event) { (void)event; }
void on_request_line(struct event *event) { (void)event; }
void on_request_body(struct event *event) { (void)event; }

typedef struct { struct request *elts; unsigned nelts, nalloc; unsigned long size; void *any; } vec_t;
struct slots { int used; struct request *slot[4]; char text[32]; };
struct message { unsigned count; struct request *parts[]; };

struct pool { char *last, *end; struct pool *next; };

struct kind { int id; } requests_kind, numbers_kind;
struct entry { void *key; union { void *pointer; unsigned long number; } v; struct entry *next; };
struct dict { struct kind *kind; struct entry **table; unsigned long size; };

struct tagged { struct tagged *left; long pad; struct leaf { long value; } *right; };

struct item { struct item *next; struct request *of; unsigned char flags; char data[]; };
struct chunk { struct chunk *next; struct waiting *head; unsigned char flags; };
struct class { unsigned size, per_page; void **list; unsigned pages; } classes[3];

struct link { struct link *next; };
struct ring { struct link *first; struct link **last; };

struct box { void *held; struct request **list; };
struct shelf { int number; struct box boxes[2]; struct box top; };

struct conn *conn;
vec_t *vec;
struct slots *slots;
struct message *message;
struct pool *pool;
struct dict *dict;
struct tagged *tagged;
struct request *request;
struct item *item;
struct chunk *chunk;
struct box *box;
struct ring *ring;
struct shelf *shelf;
int mode;

int main(void) { return 0; }
