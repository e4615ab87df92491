// Blocks that libraries hold and make: a stream's buffer, a variable of the environment; and a copy of a string that is lost.
//
// lost: direct (library) 1 13
// lost: direct make 1 4000
#include "leak.h"

char *volatile copy;

APART char *make(size_t size)
{
    char *block = malloc(size);
    memset(block, 0, size);
    return block;
}

APART void lose(void)
{
    copy = strdup("twelve chars");
    copy = make(4000);
    copy = NULL;
}

APART void give(void)
{
    setvbuf(stderr, make(5000), _IOFBF, 5000);
    char *variable = make(20);
    strcpy(variable, "LEAK=no");
    putenv(variable);
}

int main(void)
{
    give();
    lose();
    look();
    return getenv("LEAK") == NULL;
}
