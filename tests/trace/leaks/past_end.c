// A pointer to just past the end of a block, and no other.
//
// lost: possibly make 1 48
// memcheck: direct make 1 48
// lsan: direct make 1 48
// because: where a loop stops is a place that a program may have kept on purpose; the others do not know the block by it
#include "leak.h"

char *end;

APART char *make(void)
{
    char *block = malloc(48);
    memset(block, 1, 48);
    return block;
}

int main(void)
{
    end = make() + 48;
    look();
    return end == NULL;
}
