// The old release: connections in a list, those with an odd number idle. Started, it says so; told to, it makes five more, and says so.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct conn {
    int fd;
    struct conn *next;
    const char *state;
    void (*on_event)(struct conn *);
    unsigned short port;
};

static struct conn *head;
static int count;
static const char *version = "one";
static volatile int limit = 5;
static struct conn first;

static void idle(struct conn *conn) { conn->state = "idle"; }
static void busy(struct conn *conn) { conn->state = "busy"; }

static void add(int fd)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        exit(3);
    conn->fd = fd;
    conn->port = fd * 3;
    conn->on_event = fd % 2 ? idle : busy;
    conn->on_event(conn);
    conn->next = head;
    head = conn;
    count++;
}

int main(void)
{
    char byte;
    first.fd = 7;
    first.on_event = idle;
    head = &first;
    printf("started %s\n", version);
    fflush(stdout);
    if (read(0, &byte, 1) != 1)
        return 1;
    for (int i = 0; i < 5; i++)
        add(100 + i);
    puts("done");
    fflush(stdout);
    return read(0, &byte, 1) == 1 ? limit : 0;
}
