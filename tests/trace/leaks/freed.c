// Blocks that are freed and made again, round after round; and what a freed block pointed to.
//
// lost: direct make_node 101 4040
// lost: direct make_payload 1 333
// lost: indirect make_payload 100 33300
#include "leak.h"

struct node {
    char *payload;
    long number[4];
};

struct node *volatile last;

APART char *make_payload(void)
{
    char *payload = malloc(333);
    memset(payload, 1, 333);
    return payload;
}

APART struct node *make_node(void)
{
    struct node *node = malloc(sizeof *node);
    node->payload = NULL;
    for (int at = 0; at < 4; at++)
        node->number[at] = at;
    return node;
}

APART void work(void)
{
    for (int round = 0; round < 100; round++) {
        struct node *nodes[10];
        for (int at = 0; at < 10; at++) {
            nodes[at] = make_node();
            nodes[at]->payload = make_payload();
        }
        // All but one are freed.
        for (int at = 0; at < 10; at++)
            if (at != round % 10) {
                free(nodes[at]->payload);
                free(nodes[at]);
            }
    }
    // What it points to is not freed with it. Another node may take its place, and has no payload.
    last = make_node();
    last->payload = make_payload();
    free(last);
    last = make_node();
    last = NULL;
}

int main(void)
{
    work();
    look();
}
