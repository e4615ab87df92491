// A ring, and a block that leads into it, but not to its lowest block.
//
// lost: direct make_entry 1 40
// lost: indirect make_node 2 80
// memcheck: direct make_entry 1 40
// memcheck: direct make_node 1 40
// memcheck: indirect make_node 1 40
// because: memcheck follows the ring from its lowest block before it sees that something else leads into it
#include "leak.h"

struct node {
    struct node *next;
    long number[4];
};

struct entry {
    struct node *node;
    long number[4];
};

struct entry *volatile entry, *volatile below[100];

APART struct node *make_node(struct node *next)
{
    struct node *node = malloc(sizeof *node);
    node->next = next;
    for (int at = 0; at < 4; at++)
        node->number[at] = at;
    return node;
}

APART struct entry *make_entry(struct node *node)
{
    struct entry *made = malloc(sizeof *made);
    made->node = node;
    for (int at = 0; at < 4; at++)
        made->number[at] = at;
    return made;
}

APART void make_all(void)
{
    struct node *one = make_node(NULL), *other = make_node(one);
    one->next = other;
    struct node *lowest = one < other ? one : other;
    entry = make_entry(lowest->next);
    // Memcheck goes by address: only an entry above the ring is looked at after it.
    for (int at = 0; at < 100 && entry < (struct entry *)lowest; at++) {
        below[at] = entry;
        entry = make_entry(lowest->next);
    }
    entry = NULL;
}

int main(void)
{
    make_all();
    look();
}
