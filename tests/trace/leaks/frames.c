// Blocks that only a live frame holds: one by a register, one by a local variable, one by an argument.
//
// lost: direct make 1 300
#include "leak.h"

APART char *make(size_t size)
{
    char *block = malloc(size);
    memset(block, 1, size);
    return block;
}

APART int hold(char *argument)
{
    char *volatile local = make(200);
    char *in_register = make(100);
    int sum = *in_register;
    look();
    return sum + *in_register + *local + *argument;
}

APART void lose(void)
{
    char *volatile lost = make(300);
    (void)lost;
}

int main(void)
{
    lose();
    return hold(make(400));
}
