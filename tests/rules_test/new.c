// The next release: narrower ports, and a member more.

#include <stdio.h>
#include <stdlib.h>

struct conn {
    int fd;
    unsigned short port;
    long added;
    int state;
    struct conn *next;
};

struct conn *conns;

int main(void) {
    for (int i = 0; i < 100; i++) {
        struct conn *made = malloc(sizeof *made);
        made->fd = i;
        made->port = (unsigned short)(1000 + i);
        made->added = i;
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
