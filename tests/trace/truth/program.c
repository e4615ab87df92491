// Values of all sorts, in globals, in threads' own variables, in frames, and in blocks. All threads wait in pause(2) in the end.
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum colour { RED, GREEN = 7, BLUE = -3 };
enum flags { READ = 1, WRITE = 2, HUGE_ONE = 0x80000000u };

typedef struct point {
    short x, y;
} point_t;

struct bits {
    unsigned one : 1;
    signed three : 3;
    unsigned long forty : 40;
    signed long crossing : 19;
    bool is : 1;
    enum colour colour : 4;
    unsigned : 0;
    unsigned char last : 7;
};

struct __attribute__((packed)) packed {
    char tag;
    uint64_t number;
    point_t *point;
    signed odd : 13;
    unsigned rest : 11;
};

struct node;
typedef int (*visit_t)(struct node *node, void *data);

struct node {
    struct node *next, **back;
    void *data;
    char *name;
    visit_t visit;
    union {
        struct {
            int left, right;
        };
        double real;
        struct packed packed;
        unsigned char bytes[24];
    };
    enum colour colour;
    enum flags flags;
    struct bits bits;
    point_t corners[2][3];
    const volatile unsigned short *count;
    __int128 large;
    long double longest;
    float small;
};

struct buffer {
    size_t count;
    struct inner {
        struct node *of;
        int8_t sign;
    } items[];
};

struct table {
    point_t *points;
    struct node *nodes[5];
    struct buffer *buffer;
    void *opaque;
    point_t (*rows)[4];
    int *inside;
};

static int first(struct node *node, void *data) { return node != data; }
int second(struct node *node, void *data) { return node == data; }

struct node *list;
struct table table;
static const visit_t visits[] = { first, second, NULL };
static const volatile unsigned short shared = 77;
static struct packed packed[3];
static struct bits bits = { 1, -2, 0x1234567890, -77777, true, BLUE, 101 };
_Thread_local point_t own = { 1, 2 };
static __thread struct node *own_list;
static __thread struct {
    char text[12];
    double number;
} unnamed = { "of a thread", -0.0 };

static struct node *make(int number)
{
    static int made;
    struct node *node = calloc(1, sizeof *node);
    node->name = strdup("name");
    node->visit = visits[number % 3];
    node->colour = number % 3 == 0 ? RED : number % 3 == 1 ? GREEN : BLUE;
    node->flags = number % 2 ? HUGE_ONE : READ | WRITE;
    node->bits = (struct bits){ number, -number % 4, 1ul << (number % 40), -number * 1000, number & 1, GREEN, number };
    node->corners[number % 2][number % 3] = (point_t){ -number, number };
    node->count = &shared;
    node->large = (__int128)-number << 70;
    node->longest = number / 3.0L;
    node->small = number / 7.0f;
    if (number % 3 == 0)
        node->real = number * 0.1;
    else if (number % 3 == 1)
        node->left = -number, node->right = number;
    else
        node->packed = (struct packed){ 'p', UINT64_MAX - number, NULL, -number, number };
    made++;
    return node;
}

static struct node *make_list(int count)
{
    struct node *head = NULL;
    for (int number = 0; number < count; number++) {
        struct node *node = make(number);
        node->next = head;
        if (head)
            head->back = &node->next;
        head = node;
    }
    return head;
}

static void *work(void *data)
{
    point_t local = { 5, -6 };
    own = (point_t){ -100, 100 };
    own_list = make_list(3);
    own_list->data = data;
    unnamed.number = 2.5;
    volatile point_t *seen = &local;
    for (;;) {
        pause();
        seen->x++;
    }
    return NULL;
}

int main(void)
{
    list = make_list(20);
    own_list = list->next;
    for (int at = 0; at < 3; at++)
        packed[at] = (struct packed){ 'a' + at, at * 0x0102030405060708ul, NULL, -at, at };
    table.points = calloc(10, sizeof *table.points);
    table.points[3] = (point_t){ 33, -33 };
    packed[1].point = &table.points[3];
    table.nodes[0] = list;
    table.nodes[4] = list->next;
    table.buffer = calloc(1, sizeof *table.buffer + 4 * sizeof(struct inner));
    table.buffer->count = 4;
    for (int at = 0; at < 4; at++)
        table.buffer->items[at] = (struct inner){ list, -at };
    table.opaque = make(99);
    table.rows = calloc(3, sizeof *table.rows);
    table.rows[2][1].y = 21;
    list->data = table.buffer;
    table.inside = &list->right;
    pthread_t threads[2];
    for (int at = 0; at < 2; at++)
        pthread_create(&threads[at], NULL, work, table.opaque);
    for (;;) {
        pause();
        table.points[0].x += bits.one;
    }
}
