// The only pointer to a list is overwritten.
//
// lost: direct make_head 1 16
// lost: indirect make_node 9 216
#include "leak.h"

struct node {
    struct node *next;
    long number[2];
};

struct head {
    struct node *first;
    long count;
};

struct head *list;

APART struct node *make_node(struct node *next)
{
    struct node *node = malloc(sizeof *node);
    node->next = next;
    node->number[0] = node->number[1] = 7;
    return node;
}

APART struct head *make_head(void)
{
    struct head *head = malloc(sizeof *head);
    head->first = NULL;
    head->count = 0;
    return head;
}

APART void make_list(void)
{
    list = make_head();
    for (; list->count < 9; list->count++)
        list->first = make_node(list->first);
    list = NULL;
}

int main(void)
{
    make_list();
    look();
}
