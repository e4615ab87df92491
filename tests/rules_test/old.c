// A hundred connections; the port of one does not fit into 16 bits, the state of another is none of the three.

#include <stdio.h>
#include <stdlib.h>

struct conn {
    int fd;
    int port;
    int state;
    struct conn *next;
};

struct conn *conns;

int main(void) {
    for (int i = 0; i < 100; i++) {
        struct conn *made = malloc(sizeof *made);
        made->fd = i;
        made->port = i == 17 ? 70000 : 1000 + i;
        made->state = i == 40 ? 9 : i % 3;
        made->next = conns;
        conns = made;
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return conns == NULL;
}
