// A slot of a live frame whose variable is dead.
//
// lost: direct make 1 48
// memcheck: nothing
// lsan: nothing
// because: the block that declared the variable has ended, as debug info says; the others read all of the stack
#include "leak.h"

APART char *make(void)
{
    char *block = malloc(48);
    memset(block, 1, 48);
    return block;
}

int main(void)
{
    {
        char *volatile slot = make();
        (void)slot;
    }
    look();
}
