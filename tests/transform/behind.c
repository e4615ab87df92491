// A header with text behind it, of which no type tells. The new release's header is larger.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct note {
    int len;
#ifdef NEW
    int lines;
#endif
};

static struct note *note;

int main(void)
{
    char byte;
    puts("started");
    fflush(stdout);
    if (read(0, &byte, 1) != 1)
        return 1;
    note = malloc(sizeof *note + 21);
    if (!note)
        return 3;
    note->len = 21;
    memcpy(note + 1, "what is written behind", 21);
    puts("done");
    fflush(stdout);
    return read(0, &byte, 1) == 1 ? note->len : 0;
}
