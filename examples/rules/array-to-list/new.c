// In the next release it may have any number.
#include <stdio.h>

struct route {
    unsigned int network;
    unsigned char bits;
    struct route *next;
};

struct router {
    struct route *routes;
};

struct router router;

int main(void) {
    for (struct route *route = router.routes; route; route = route->next)
        printf("%u/%d\n", route->network, route->bits);
    return 0;
}
