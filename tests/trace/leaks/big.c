// Blocks that an allocator maps one by one, with pointers at their ends.
//
// lost: direct make_big 1 3000000
// lost: indirect make_big 1 2000000
// lost: indirect make_small 1 33
#include "leak.h"

char **held, **volatile lost;

APART char *make_small(void)
{
    char *small = malloc(33);
    memset(small, 0, 33);
    return small;
}

APART char **make_big(size_t size, char *last)
{
    char **big = calloc(1, size);
    big[size / sizeof *big - 1] = last;
    return big;
}

APART void work(void)
{
    held = make_big(5000000, make_small());
    lost = make_big(3000000, (char *)make_big(2000000, make_small()));
    lost = NULL;
}

int main(void)
{
    work();
    look();
    return held == NULL;
}
