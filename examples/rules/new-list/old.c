// A server that keeps its connections in a table, and looks through all of it for idle ones.
#include <stdio.h>

struct connection {
    int fd;
    int idle;
    unsigned long requests;
};

struct server {
    struct connection *connections;
    int count;
};

struct server server;

int main(void) {
    printf("%d\n", server.count);
    return server.connections != NULL;
}
