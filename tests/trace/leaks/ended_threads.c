// Threads that have ended: what only they knew is lost, what they left in a variable is not.
//
// lost: direct make_node 8 320
// lost: indirect make_node 8 320
#include "leak.h"

struct node {
    struct node *next;
    long number[4];
};

struct node *left[8];

APART struct node *make_node(struct node *next)
{
    struct node *node = malloc(sizeof *node);
    node->next = next;
    for (int at = 0; at < 4; at++)
        node->number[at] = at;
    return node;
}

APART void lose(void)
{
    struct node *volatile lost = make_node(make_node(NULL));
    (void)lost;
}

APART void *work(void *place)
{
    lose();
    *(struct node **)place = make_node(NULL);
    clear();
    return NULL;
}

int main(void)
{
    pthread_t threads[8];
    for (int at = 0; at < 8; at++)
        pthread_create(&threads[at], NULL, work, &left[at]);
    for (int at = 0; at < 8; at++)
        pthread_join(threads[at], NULL);
    look();
    return left[0] == NULL;
}
