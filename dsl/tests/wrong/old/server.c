#include "server.h"
#include <stdlib.h>

struct table {
    int slots;
    struct session **entries;
};

struct settings {
    int port;
    char *name;
} settings;

unsigned long requests;
int limit = 10;
struct conn *connections;
struct page_class classes[8];
struct module core = { "core" };
struct module *modules[] = { &core, NULL };
struct table sessions;
struct opaque *library;
struct array values;
struct queue *queue;
struct ring *ring;
static int count;

void *pool_alloc(struct pool *pool, size_t size)
{
    void *block = pool->last;
    pool->last += size;
    return block;
}

void *wrap_alloc(size_t size)
{
    return malloc(size);
}

void on_read(struct conn *conn)
{
    conn->state = STATE_BUSY;
    conn->peer = sessions.entries[conn->fd];
}

void on_write(struct conn *conn)
{
    conn->state = STATE_IDLE;
    conn->flags = COLOUR_GREEN + KIND_TEXT;
}

void serve(struct session *session, int number)
{
    session->id = number;
    count++;
}

int main(int argc, char **argv)
{
    struct gone gone = { argc, 0, 0 };
    struct buffer buffer = { argv[0], argv[0], argv[0] };
    struct pool *pool = wrap_alloc(sizeof *pool);
    struct item *item = pool_alloc(pool, sizeof *item);
    enum colour colour = gone.first;
    connections = wrap_alloc(sizeof *connections);
    connections->on_read = argc > 1 ? on_read : on_write;
    connections->on_read(connections);
    classes[0].pages = values.elts;
    serve(sessions.entries[0], limit + settings.port + count + item->flags);
    queue->queue_count += (unsigned)ring->slots[0];
    return (int)requests + modules[0]->name[0] + (library != NULL) + buffer.last[0] + (int)colour;
}
