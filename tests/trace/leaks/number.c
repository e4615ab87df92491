// Numbers whose bits are those of pointers.
//
// lost: direct make 2 96
// memcheck: nothing
// lsan: nothing
// because: they have types that no pointer is kept in; the others read every word as a pointer
#include "leak.h"

struct pair {
    int low, high;
};

double number;
struct pair pair;

APART char *make(void)
{
    char *block = malloc(48);
    memset(block, 1, 48);
    return block;
}

APART void keep(void)
{
    char *one = make(), *other = make();
    memcpy(&number, &one, sizeof number);
    memcpy(&pair, &other, sizeof pair);
}

int main(void)
{
    keep();
    look();
    return number == pair.low;
}
