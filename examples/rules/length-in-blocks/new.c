// The next release keeps it in blocks. The C declaration is the same, so no comparison of types can show it.
#include <stdio.h>

struct file {
    char name[16];
    unsigned int length; // in blocks
};

struct store {
    unsigned int block_size;
    struct file *files;
};

struct store store = {.block_size = 512};

int main(void) {
    printf("%u\n", store.files ? store.files->length * store.block_size : 0);
    return 0;
}
