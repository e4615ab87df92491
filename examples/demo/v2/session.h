/* What the server knows about one client while it is connected. How its bytes come and go: connection.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"
#include "arena.h"

enum { MARKS_MAX = 64 };

struct connection;

/* A key that the client marked. */
struct mark {
    struct mark *next;
    char *key; /* in the session's arena */
};

struct session {
    void (*on_line)(struct connection *connection, char *line); /* changes at login */
    struct account *account;                                    /* NULL before login */
    int64_t since_ms;                                           /* when the client came */
    unsigned long commands;
    unsigned id;
    unsigned failed_logins;
    struct mark *marks; /* in the client's order */
    size_t mark_count;
    struct arena arena;
};

struct session *session_new(unsigned id);
void session_free(struct session *session);

bool session_mark(struct session *session, const char *key); /* once each; false: there are MARKS_MAX already */
