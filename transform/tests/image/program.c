/* A program in two releases, which differ in what they greet with: its start-up makes one item, and a line of input forty more. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef RELEASE
#define RELEASE 1
#endif

struct item;

struct leaf {
    long weight;
    struct item *owner;
};

/* What two members say different things of. */
struct one { long a, b, c; };
struct other { int a, b, c, d, e, f; };

struct item {
    struct item *next;
    void (*act)(struct item *);
    struct label *label;
    struct leaf *leaf;
    void *bytes;
    struct one *as_one;
    struct other *as_other;
};

struct label {
    const char *text;
    int release;
} label = { "some label", RELEASE };

struct item *items;
struct leaf *spare;
/* Left over from what was freed: nobody reads it any more. */
struct leaf *stale;
/* Read as what it is not. */
struct item fixed;
struct leaf *cast = (struct leaf *)&fixed;
long *area;

/* What only the thread knows. */
__thread struct leaf *mine;

static long greetings;

static void greet(struct item *item) {
#if RELEASE > 1
    greetings += item->leaf->weight;
#endif
    greetings += item->label->release;
}

static struct leaf *make_leaf(struct item *owner, long weight) {
    struct leaf *leaf = malloc(sizeof *leaf);
    leaf->weight = weight;
    leaf->owner = owner;
    return leaf;
}

static struct item *make_item(long number) {
    struct item *item = calloc(1, sizeof *item);
    item->act = greet;
    item->label = &label;
    item->leaf = make_leaf(item, number);
    item->bytes = malloc(200 + (size_t)number * 700);
    item->next = items;
    items = item;
    return item;
}

static void start(void) {
    spare = make_leaf(NULL, RELEASE);
    stale = make_leaf(NULL, -1);
    cast = (struct leaf *)&fixed;
    make_item(0);
    free(stale);
}

static void serve(void) {
    area = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area[5] = 55;
    mine = make_leaf(NULL, 12345);
    struct leaf *third = NULL;
    for (long number = 1; number <= 40; number++) {
        struct item *item = make_item(number);
        if (number == 3)
            third = item->leaf;
        if (number == 4)
            item->as_other = (struct other *)(item->as_one = calloc(1, sizeof(struct one)));
    }
    free(third);
}

int main(void) {
    char line[16];
    start();
    setvbuf(stdin, NULL, _IONBF, 0);
    puts("started");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        serve();
        items->act(items);
        printf("served %ld\n", greetings);
        fflush(stdout);
    }
    return 0;
}
