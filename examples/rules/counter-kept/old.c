// A pool of buffers that are free.
#include <stdio.h>

struct buffer {
    char bytes[64];
    struct buffer *next;
};

struct pool {
    struct buffer *free_buffers;
    unsigned int free_count;
    unsigned int limit;
};

struct pool pool = {.limit = 100};

int main(void) {
    printf("%u\n", pool.free_buffers ? pool.free_count : pool.limit);
    return 0;
}
