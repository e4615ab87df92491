/* Long-lived blocks that are walked far more often than they are made: bodies, and the tree over them, built anew for each step.
 *
 * After Barnes and Hut, A hierarchical O(N log N) force-calculation algorithm (Nature 324, 1986). What counts here is where the
 * allocator puts the nodes: the time goes into following pointers.
 *
 * usage: barnes BODIES STEPS
 */
#include "draw.h"
#include <math.h>
#include <string.h>

struct body {
    double at[3], speed[3], force[3];
    double mass;
};

/* Either an inner node with up to eight children, or a leaf with one body. */
struct node {
    double centre[3];
    double mass;
    struct body *body;
    struct node **child;
};

static struct node *leaf(struct body *body)
{
    struct node *node = there(malloc(sizeof *node));
    memcpy(node->centre, body->at, sizeof node->centre);
    node->mass = body->mass;
    node->body = body;
    node->child = NULL;
    return node;
}

/* Which eighth of the cube around `middle` a place is in; moves `middle` to the middle of that eighth. */
static unsigned descend(const double *at, double *middle, double half)
{
    unsigned octant = 0;
    for (unsigned axis = 0; axis < 3; axis++) {
        unsigned above = at[axis] >= middle[axis];
        octant |= above << axis;
        middle[axis] += above ? half / 2 : -half / 2;
    }
    return octant;
}

static void insert(struct node *node, struct body *body, const double *cube, double half, unsigned depth)
{
    double middle[3];
    if (node->body != NULL) {
        /* Two bodies in one place would divide space for ever: the second joins the first. */
        if (depth == 64) {
            node->mass += body->mass;
            return;
        }
        node->child = there(calloc(8, sizeof node->child[0]));
        memcpy(middle, cube, sizeof middle);
        unsigned octant = descend(node->body->at, middle, half);
        node->child[octant] = leaf(node->body);
        node->body = NULL;
    }
    for (unsigned axis = 0; axis < 3; axis++)
        node->centre[axis] =
            (node->centre[axis] * node->mass + body->at[axis] * body->mass) / (node->mass + body->mass);
    node->mass += body->mass;
    memcpy(middle, cube, sizeof middle);
    unsigned octant = descend(body->at, middle, half);
    if (node->child[octant] == NULL)
        node->child[octant] = leaf(body);
    else
        insert(node->child[octant], body, middle, half / 2, depth + 1);
}

static void fell(struct node *node)
{
    if (node->child != NULL) {
        for (unsigned i = 0; i < 8; i++)
            if (node->child[i] != NULL)
                fell(node->child[i]);
        free(node->child);
    }
    free(node);
}

/* A node that looks small from here stands for all bodies in it. */
static void pull(struct body *body, const struct node *node, double size)
{
    double distance[3], square = 1e-4;
    for (unsigned axis = 0; axis < 3; axis++) {
        distance[axis] = node->centre[axis] - body->at[axis];
        square += distance[axis] * distance[axis];
    }
    if (node->child == NULL || size * size * 4 < square) {
        double strength = body->mass * node->mass / (square * sqrt(square));
        for (unsigned axis = 0; axis < 3; axis++)
            body->force[axis] += distance[axis] * strength;
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        if (node->child[i] != NULL)
            pull(body, node->child[i], size / 2);
}

int main(int argc, char **argv)
{
    unsigned long bodies = argument(argc, argv, 1, "BODIES STEPS");
    unsigned long steps = argument(argc, argv, 2, "BODIES STEPS");
    struct draw random = draw_from(3);
    struct body **body = there(malloc(bodies * sizeof body[0]));
    for (unsigned long i = 0; i < bodies; i++) {
        body[i] = there(calloc(1, sizeof *body[i]));
        for (unsigned axis = 0; axis < 3; axis++)
            body[i]->at[axis] = draw_below(&random, 1000000) / 500000.0 - 1;
        body[i]->mass = 1.0 / (double)bodies;
    }
    const double origin[3] = {0, 0, 0};
    for (unsigned long step = 0; step < steps; step++) {
        struct node *root = leaf(body[0]);
        for (unsigned long i = 1; i < bodies; i++)
            insert(root, body[i], origin, 4, 0);
        for (unsigned long i = 0; i < bodies; i++) {
            memset(body[i]->force, 0, sizeof body[i]->force);
            pull(body[i], root, 4);
        }
        fell(root);
        for (unsigned long i = 0; i < bodies; i++) {
            for (unsigned axis = 0; axis < 3; axis++) {
                body[i]->speed[axis] += body[i]->force[axis] / body[i]->mass * 1e-3;
                body[i]->at[axis] += body[i]->speed[axis] * 1e-3;
            }
        }
    }
    double sum = 0;
    for (unsigned long i = 0; i < bodies; i++) {
        sum += fabs(body[i]->speed[0]) + fabs(body[i]->speed[1]) + fabs(body[i]->speed[2]);
        free(body[i]);
    }
    free(body);
    printf("%lu bodies, %lu steps, mean speed %.9f\n", bodies, steps, sum / (double)bodies);
    return 0;
}
