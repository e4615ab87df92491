// Blocks at addresses with an alignment of their own.
//
// lost: direct make_page 1 5000
// lost: indirect make_line 3 600
#include "leak.h"
#include <malloc.h>

void **held, **volatile lost;

APART void *make_line(void)
{
    void *line = NULL;
    if (posix_memalign(&line, 256, 200) == 0)
        memset(line, 0, 200);
    return line;
}

APART void **make_page(size_t size)
{
    void **page = memalign(4096, size);
    memset(page, 0, size);
    return page;
}

APART void work(void)
{
    held = make_page(4096);
    held[511] = make_line();
    lost = make_page(5000);
    for (int at = 0; at < 3; at++)
        lost[at * 100] = make_line();
    lost = NULL;
}

int main(void)
{
    work();
    look();
    return held == NULL;
}
