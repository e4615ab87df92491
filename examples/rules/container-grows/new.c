// The same array: its elements are larger in the next release.
#include <stdio.h>

struct vector {
    void *items;
    unsigned int count;
    unsigned int item_size;
};

struct listener {
    unsigned short port;
    int fd;
    unsigned long accepted;
};

struct registry {
    struct vector listeners;
};

struct registry registry = {.listeners = {.item_size = sizeof(struct listener)}};

int main(void) {
    for (unsigned int i = 0; i < registry.listeners.count; i++)
        printf("%u\n", ((struct listener *)registry.listeners.items)[i].port);
    return 0;
}
