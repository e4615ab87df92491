// A program whose graph of blocks is known: it prints the addresses of some, and waits until its input ends.
#include <stdio.h>
#include <stdlib.h>

struct leaf {
    double weight;
    int number;
};

struct node {
    struct node *next;
    void *data;
    struct leaf *leaf;
    union {
        struct leaf *leaf;
        long number;
    } either;
};

struct node *list;
static char *inside;
static __thread struct leaf *of_thread;

static struct node *make_node(struct node *next)
{
    struct node *node = malloc(sizeof *node);
    node->next = next;
    node->data = NULL;
    node->leaf = malloc(sizeof *node->leaf);
    node->leaf->weight = 1.5;
    node->leaf->number = 7;
    node->either.number = 3;
    return node;
}

static void __attribute__((noinline)) leak(void)
{
    // Volatile, or the compiler leaves the block out.
    static struct leaf *volatile lost;
    lost = malloc(4242);
    lost->number = 1;
    lost = NULL;
}

static void __attribute__((noinline)) clear(void)
{
    // What leak() left on the stack and in registers.
    volatile char dead[4096];
    for (unsigned at = 0; at < sizeof dead; at++)
        dead[at] = 0;
}

int main(void)
{
    for (int count = 0; count < 100; count++)
        list = make_node(list);
    struct leaf *local = malloc(sizeof *local);
    local->number = 9;
    list->either.leaf = local;
    list->data = malloc(333);
    inside = (char *)malloc(77) + 5;
    of_thread = malloc(sizeof *of_thread);
    of_thread->number = 11;
    leak();
    clear();
    printf("%p %p %p %p %p\n", (void *)list, (void *)list->next->leaf, (void *)local, list->data, (void *)of_thread);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return local->number + of_thread->number + *inside;
}
