/*
 * One client's connection: bytes come in through `in` until they make a line; answers go out through `out` as fast as the
 * client takes them. A client that sends without reading its answers is not read from until it does. What the server
 * knows about the client is in its session.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "worker.h"

enum {
    LINE_LIMIT = 1024,         /* bytes in a line, without its end */
    INPUT_BYTES = 2048,        /* more than one line, so that a full buffer always holds a whole or a too long one */
    OUTPUT_HIGH_WATER = 65536, /* unread bytes at which no further command is run */
    PEER_BYTES = INET_ADDRSTRLEN + sizeof ":65535",
};

struct session;

struct connection {
    struct link link; /* in its worker's ring */
    struct worker *worker;
    struct session *session; /* its own; both end together */
    int fd;

    uint32_t interest; /* what epoll waits for */
    bool skipping;     /* the rest of a line that is too long */
    bool closing;      /* no more commands are run: flush, then say that no more will come */
    bool said_goodbye; /* ... which has been said */
    bool hung_up;      /* the client will send no more */
    char *out;         /* bytes from out_sent to out_used wait to be sent */
    size_t out_sent;
    size_t out_used;
    size_t out_size;
    size_t in_used;
    char in[INPUT_BYTES];
};

struct connection *connection_new(int fd, unsigned id);
void connection_ready(struct connection *connection, uint32_t events); /* may end it */
void connection_end(struct connection *connection);

/* Adds a line to the answer. */
void connection_reply(struct connection *connection, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where the client is, as address:port, for the journal. */
const char *connection_peer(const struct connection *connection, char text[PEER_BYTES]);
