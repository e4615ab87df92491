// A ring that nothing points to any more.
//
// lost: direct make_node 1 40
// lost: indirect make_node 4 160
// lsan: indirect make_node 5 200
// because: LeakSanitizer calls direct what no leaked block points to: of a ring, nothing
#include "leak.h"

struct node {
    struct node *next;
    long number[4];
};

struct node *volatile ring;

APART struct node *make_node(void)
{
    struct node *node = malloc(sizeof *node);
    node->next = node;
    for (int at = 0; at < 4; at++)
        node->number[at] = at;
    return node;
}

APART void make_ring(void)
{
    ring = make_node();
    for (int count = 1; count < 5; count++) {
        struct node *node = make_node();
        node->next = ring->next;
        ring->next = node;
    }
    ring = NULL;
}

int main(void)
{
    make_ring();
    look();
}
