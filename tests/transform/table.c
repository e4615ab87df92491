// A table of things with names. The new release has one more, in the middle.
#include <stdio.h>
#include <unistd.h>

struct command {
    const char *name;
    long calls;
};

static struct command commands[] = {
    {"get", 0},
#ifdef NEW
    {"info", 0},
#endif
    {"set", 0},
};

int main(void)
{
    char byte;
    puts("started");
    fflush(stdout);
    if (read(0, &byte, 1) != 1)
        return 1;
    for (struct command *command = commands; command < commands + sizeof commands / sizeof *commands; command++)
        command->calls += command->name[0] == 's' ? 3 : 0;
    puts("done");
    fflush(stdout);
    return read(0, &byte, 1) == 1 ? (int)commands[1].calls : 0;
}
