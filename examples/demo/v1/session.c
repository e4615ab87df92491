#define _GNU_SOURCE
#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "memory.h"
#include "release.h"

struct session *session_new(int fd, unsigned id, const struct sockaddr_in *peer)
{
    struct session *session = xmalloc(sizeof *session);
    *session = (struct session){
        .fd = fd,
        .id = id,
        .on_line = command_before_login,
        .interest = EPOLLIN | EPOLLOUT, /* for the greeting */
    };
    link_init(&session->link);

    char host[INET_ADDRSTRLEN];
    char text[INET_ADDRSTRLEN + sizeof ":65535"];
    inet_ntop(AF_INET, &peer->sin_addr, host, sizeof host);
    snprintf(text, sizeof text, "%s:%d", host, ntohs(peer->sin_port));
    session->peer = arena_copy(&session->arena, text);

    session_reply(session, "+larder " RELEASE);
    return session;
}

void session_end(struct session *session)
{
    worker_forget(session);
    close(session->fd); /* and epoll forgets it too */
    arena_free(&session->arena);
    free(session->out);
    free(session);
}

/* ---- out ---- */

static size_t unsent(const struct session *session)
{
    return session->out_used - session->out_sent;
}

static void make_room(struct session *session, size_t more)
{
    size_t needed = session->out_used + more;
    if (needed <= session->out_size)
        return;
    size_t size = session->out_size == 0 ? 512 : session->out_size;
    while (size < needed)
        size *= 2;
    session->out = xrealloc(session->out, size);
    session->out_size = size;
}

void session_reply(struct session *session, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        die("cannot format an answer: %s", strerror(errno));

    size_t size = (size_t)length + 1; /* vsnprintf's end of string becomes our end of line */
    make_room(session, size);
    va_start(arguments, format);
    vsnprintf(session->out + session->out_used, size, format, arguments);
    va_end(arguments);
    session->out_used += size;
    session->out[session->out_used - 1] = '\n';
}

/* Sends what the client takes now. False: the client is gone. */
static bool flush(struct session *session)
{
    while (unsent(session) > 0) {
        ssize_t sent = send(session->fd, session->out + session->out_sent, unsent(session), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        session->out_sent += (size_t)sent;
    }
    session->out_sent = 0;
    session->out_used = 0;
    if (session->out_size > OUTPUT_HIGH_WATER) {
        /* One large answer is no reason to keep so much for an idle client. */
        free(session->out);
        session->out = NULL;
        session->out_size = 0;
    }
    return true;
}

/* ---- in ---- */

/* Takes what has come, as far as there is room. False: the client is gone. */
static bool receive(struct session *session)
{
    size_t room = sizeof session->in - session->in_used;
    if (room == 0)
        return true;
    ssize_t received = recv(session->fd, session->in + session->in_used, room, 0);
    if (received < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (received == 0)
        session->hung_up = true;
    session->in_used += (size_t)received;
    return true;
}

static void take_line(struct session *session, char *line, char *end)
{
    if (session->skipping) {
        session->skipping = false;
        return;
    }
    if (end > line && end[-1] == '\r')
        end--;
    size_t length = (size_t)(end - line);
    if (length > LINE_LIMIT) {
        session_reply(session, "-TOOLONG a line has at most %d bytes", LINE_LIMIT);
    } else if (memchr(line, '\0', length) != NULL) {
        session_reply(session, "-BAD a line has no zero bytes");
    } else {
        *end = '\0';
        session->on_line(session, line);
    }
}

/* Runs the whole lines that are there, until the client has enough answers to read. */
static void take_lines(struct session *session)
{
    char *at = session->in;
    char *end = session->in + session->in_used;
    while (!session->closing && unsent(session) < OUTPUT_HIGH_WATER) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) {
            /* One byte over the limit may still be the CR of a line that is just long enough. */
            if (end - at > LINE_LIMIT + 1) {
                if (!session->skipping)
                    session_reply(session, "-TOOLONG a line has at most %d bytes", LINE_LIMIT);
                session->skipping = true;
            }
            if (session->skipping)
                at = end;
            break;
        }
        take_line(session, at, newline);
        at = newline + 1;
    }
    if (session->closing)
        at = end;
    session->in_used = (size_t)(end - at);
    memmove(session->in, at, session->in_used);
}

static bool has_line(const struct session *session)
{
    return memchr(session->in, '\n', session->in_used) != NULL;
}

/* ---- both ---- */

static void wait_for(struct session *session, uint32_t interest)
{
    if (interest == session->interest)
        return;
    struct epoll_event event = { .events = interest, .data.ptr = session };
    if (epoll_ctl(session->worker->epoll_fd, EPOLL_CTL_MOD, session->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    session->interest = interest;
}

/* False: the session is over. */
static bool advance(struct session *session, uint32_t events)
{
    if (events & EPOLLERR)
        return false;
    if ((events & (EPOLLIN | EPOLLHUP)) && !session->hung_up && !receive(session))
        return false;
    do {
        take_lines(session);
        if (!flush(session))
            return false;
    } while (has_line(session) && unsent(session) < OUTPUT_HIGH_WATER);

    if (unsent(session) == 0) {
        if (session->hung_up)
            return false;
        if (session->closing && !session->said_goodbye) {
            /* Closing now could reset the connection and take the last answer with it: let the client hang up. */
            shutdown(session->fd, SHUT_WR);
            session->said_goodbye = true;
        }
    }

    uint32_t interest = 0;
    if (!session->hung_up && unsent(session) < OUTPUT_HIGH_WATER)
        interest |= EPOLLIN;
    if (unsent(session) > 0)
        interest |= EPOLLOUT;
    wait_for(session, interest);
    return true;
}

void session_ready(struct session *session, uint32_t events)
{
    if (!advance(session, events))
        session_end(session);
}
