// What a client may do is one of three.
#include <stdio.h>

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_BOTH };

struct client {
    int fd;
    int access; // an enum access
};

struct client clients[8];

static int may_write(enum access access) {
    return access == ACCESS_WRITE || access == ACCESS_BOTH;
}

int main(int argc, char **argv) {
    (void)argv;
    printf("%d\n", may_write((enum access)clients[argc & 7].access));
    return 0;
}
