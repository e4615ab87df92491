// A block that only a thread-local variable of a thread that has ended knew.
//
// lost: nothing
// lsan: direct make 1 48
// because: glibc keeps the stack of the thread, which holds the variable, mapped for the next one; LeakSanitizer is told when threads end
#include "leak.h"

__thread char *held;

APART char *make(void)
{
    char *block = malloc(48);
    memset(block, 1, 48);
    return block;
}

APART void *work(void *none)
{
    held = make();
    clear();
    return none;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    look();
}
