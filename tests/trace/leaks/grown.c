// Blocks that realloc moves and shrinks: what is lost has the size that it was last asked to have.
//
// lost: direct grow 1 100000
// lost: direct shrink 1 10
// lost: indirect make_name 1 6
#include "leak.h"

struct table {
    char *name;
    long rows[];
};

struct table *volatile held, *volatile lost;
char *volatile text;

APART char *make_name(void)
{
    char *name = malloc(6);
    strcpy(name, "table");
    return name;
}

APART struct table *grow(struct table *table, size_t size)
{
    return realloc(table, size);
}

APART char *shrink(char *text, size_t size)
{
    return realloc(text, size);
}

APART struct table *make_table(void)
{
    struct table *table = calloc(1, 40);
    table->name = make_name();
    return table;
}

APART void work(void)
{
    held = grow(make_table(), 50000);
    memset(held->rows, 0, 50000 - sizeof *held);
    lost = grow(make_table(), 400);
    lost = grow(lost, 100000);
    memset(lost->rows, 0, 100000 - sizeof *lost);
    lost = NULL;
    text = shrink(calloc(1, 1000), 10);
    text = NULL;
}

int main(void)
{
    work();
    look();
    return held == NULL;
}
