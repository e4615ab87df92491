// The next release keeps chunks instead. The counter is the same member, and counts them.
#include <stdio.h>

struct chunk {
    char bytes[4096];
    struct chunk *next;
};

struct pool {
    struct chunk *free_chunks;
    unsigned int free_count;
    unsigned int limit;
};

struct pool pool = {.limit = 100};

int main(void) {
    printf("%u\n", pool.free_chunks ? pool.free_count : pool.limit);
    return 0;
}
