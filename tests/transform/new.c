// The new release: connections have grown, their members lie otherwise, and the functions too.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct conn {
    int fd;
    long since;
    const char *state;
    struct conn *next;
    void (*on_event)(struct conn *);
    unsigned int port;
};

static struct conn *head;
static int total;
static const char *version = "two";
static volatile int limit = 6;
static struct conn first;

static void busy(struct conn *conn) { conn->state = "busy"; }
static void idle(struct conn *conn) { conn->state = "idle"; }

static void add(int fd)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        exit(3);
    conn->fd = fd;
    conn->since = 1;
    conn->port = fd * 3;
    conn->on_event = fd % 2 ? idle : busy;
    conn->on_event(conn);
    conn->next = head;
    head = conn;
    total++;
}

int main(void)
{
    char byte;
    first.fd = 7;
    first.since = 11;
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
