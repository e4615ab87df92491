// Blocks that only memory holds which the program mapped for itself: private, shared with its children, and what brk gives.
//
// lost: direct make 1 48
// lsan: direct make 4 192
// because: LeakSanitizer reads no memory that is neither a variable's nor its own allocator's, unless it is told to
#include "leak.h"
#include <sys/mman.h>

char **private, **shared, **broken;

APART char *make(void)
{
    char *block = malloc(48);
    memset(block, 1, 48);
    return block;
}

APART char **map(int flags)
{
    char **place = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED)
        exit(1);
    place[777] = make();
    return place;
}

APART void fill(void)
{
    private = map(MAP_PRIVATE);
    shared = map(MAP_SHARED);
    shared[778] = make();
    shared[778] = NULL;
    broken = sbrk(1 << 16);
    if (broken == (void *)-1)
        exit(1);
    broken[777] = make();
}

int main(void)
{
    fill();
    look();
    return private == shared;
}
