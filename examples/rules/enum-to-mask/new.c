// In the next release it is a set of bits.
#include <stdio.h>

enum access_bits { CAN_READ = 1, CAN_WRITE = 2 };

struct client {
    int fd;
    int access; // a mask of access_bits
};

struct client clients[8];

static int may(int mask, enum access_bits what) {
    return (mask & (int)what) != 0;
}

int main(int argc, char **argv) {
    (void)argv;
    printf("%d\n", may(clients[argc & 7].access, argc > 3 ? CAN_WRITE : CAN_READ));
    return 0;
}
