// A file store that keeps the length of each file in bytes.
#include <stdio.h>

struct file {
    char name[16];
    unsigned int length;
};

struct store {
    unsigned int block_size;
    struct file *files;
};

struct store store = {.block_size = 512};

int main(void) {
    printf("%u\n", store.block_size);
    return store.files && store.files->length;
}
