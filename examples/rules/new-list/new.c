// The next release: idle connections are linked, so that the oldest of them is found at once.
#include <stdio.h>

struct link {
    struct link *prev;
    struct link *next;
};

struct connection {
    int fd;
    int idle;
    unsigned long requests;
    struct link reusable;
};

struct server {
    struct connection *connections;
    int count;
    struct link reusable;
};

struct server server = {.reusable = {&server.reusable, &server.reusable}};

int main(void) {
    printf("%d %d\n", server.count, server.reusable.next == &server.reusable);
    return server.connections != NULL;
}
