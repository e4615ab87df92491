#include "server.h"

/* Another structure of the same name, and other static things. */
struct table {
    char *label;
    unsigned length;
};

static struct table labels[2];
static int count;

static void helper(void)
{
    labels[count++ % 2].length++;
}

void worker(void)
{
    helper();
}
