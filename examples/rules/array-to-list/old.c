// A router has a fixed number of routes.
#include <stdio.h>

struct route {
    unsigned int network;
    unsigned char bits;
};

struct router {
    struct route routes[8];
    int count;
};

struct router router;

int main(void) {
    printf("%d %u\n", router.count, router.routes[0].network);
    return 0;
}
