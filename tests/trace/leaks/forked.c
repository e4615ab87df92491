// A child of a fork loses what its parent has still.
//
// lost: direct make 1 24
// lost: indirect make 4 96
#include "leak.h"
#include <sys/wait.h>

struct node {
    struct node *next;
    long number[2];
};

struct node *list;

APART struct node *make(struct node *next)
{
    struct node *node = malloc(sizeof *node);
    node->next = next;
    node->number[0] = node->number[1] = 1;
    return node;
}

int main(void)
{
    for (int count = 0; count < 4; count++)
        list = make(list);
    pid_t child = fork();
    if (child == 0) {
        // One of its own before those that it was given.
        list = make(list);
        list = NULL;
        look();
        _exit(0);
    }
    waitpid(child, NULL, 0);
    _exit(0);
}
