/*
 * One client's connection, and what the server knows about that client. Bytes come in through `in` until they make a
 * line; answers go out through `out` as fast as the client takes them. A client that sends without reading its answers
 * is not read from until it does.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "account.h"
#include "arena.h"
#include "list.h"
#include "worker.h"

enum {
    LINE_LIMIT = 1024,         /* bytes in a line, without its end */
    INPUT_BYTES = 2048,        /* more than one line, so that a full buffer always holds a whole or a too long one */
    OUTPUT_HIGH_WATER = 65536, /* unread bytes at which no further command is run */
    MARKS_MAX = 8,
};

struct session {
    struct link link; /* in its worker's ring */
    struct worker *worker;
    int fd;
    unsigned id;
    void (*on_line)(struct session *session, char *line); /* changes at login */
    struct account *account;                              /* NULL before login */
    unsigned failed_logins;
    unsigned long commands;
    struct arena arena;     /* holds `peer` and `marks` */
    char *peer;             /* address:port */
    char *marks[MARKS_MAX]; /* the keys that the client marked, in its order */
    size_t mark_count;

    uint32_t interest; /* what epoll waits for */
    bool skipping;     /* the rest of a line that is too long */
    bool closing;      /* no more commands are run: flush, then say that no more will come */
    bool said_goodbye; /* ... which has been said */
    bool hung_up;      /* the client will send no more */
    size_t in_used;
    char in[INPUT_BYTES];
    char *out; /* bytes from out_sent to out_used wait to be sent */
    size_t out_sent;
    size_t out_used;
    size_t out_size;
};

struct session *session_new(int fd, unsigned id, const struct sockaddr_in *peer);
void session_ready(struct session *session, uint32_t events); /* may end it */
void session_end(struct session *session);

/* Adds a line to the answer. */
void session_reply(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
