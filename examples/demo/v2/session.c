#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "memory.h"

struct session *session_new(unsigned id)
{
    struct session *session = xmalloc(sizeof *session);
    *session = (struct session){
        .on_line = command_before_login,
        .since_ms = clock_ms(),
        .id = id,
    };
    return session;
}

void session_free(struct session *session)
{
    while (session->marks != NULL) {
        struct mark *mark = session->marks;
        session->marks = mark->next;
        free(mark);
    }
    arena_free(&session->arena);
    free(session);
}

bool session_mark(struct session *session, const char *key)
{
    struct mark **end = &session->marks;
    for (; *end != NULL; end = &(*end)->next)
        if (strcmp((*end)->key, key) == 0)
            return true;
    if (session->mark_count == MARKS_MAX)
        return false;

    struct mark *mark = xmalloc(sizeof *mark);
    mark->next = NULL;
    mark->key = arena_copy(&session->arena, key);
    *end = mark;
    session->mark_count++;
    return true;
}
