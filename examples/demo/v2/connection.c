#define _GNU_SOURCE
#include "connection.h"

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
#include "session.h"

struct connection *connection_new(int fd, unsigned id)
{
    struct connection *connection = xmalloc(sizeof *connection);
    *connection = (struct connection){
        .session = session_new(id),
        .fd = fd,
        .interest = EPOLLIN | EPOLLOUT, /* for the greeting */
    };
    link_init(&connection->link);
    connection_reply(connection, "+larder " RELEASE);
    return connection;
}

void connection_end(struct connection *connection)
{
    worker_forget(connection);
    close(connection->fd); /* and epoll forgets it too */
    session_free(connection->session);
    free(connection->out);
    free(connection);
}

const char *connection_peer(const struct connection *connection, char text[PEER_BYTES])
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    if (getpeername(connection->fd, (struct sockaddr *)&peer, &size) < 0)
        return "a client that is gone";
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
    snprintf(text, PEER_BYTES, "%s:%d", host, ntohs(peer.sin_port));
    return text;
}

/* ---- out ---- */

static size_t unsent(const struct connection *connection)
{
    return connection->out_used - connection->out_sent;
}

static void make_room(struct connection *connection, size_t more)
{
    size_t needed = connection->out_used + more;
    if (needed <= connection->out_size)
        return;
    size_t size = connection->out_size == 0 ? 512 : connection->out_size;
    while (size < needed)
        size *= 2;
    connection->out = xrealloc(connection->out, size);
    connection->out_size = size;
}

void connection_reply(struct connection *connection, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        die("cannot format an answer: %s", strerror(errno));

    size_t size = (size_t)length + 1; /* vsnprintf's end of string becomes our end of line */
    make_room(connection, size);
    va_start(arguments, format);
    vsnprintf(connection->out + connection->out_used, size, format, arguments);
    va_end(arguments);
    connection->out_used += size;
    connection->out[connection->out_used - 1] = '\n';
}

/* Sends what the client takes now. False: the client is gone. */
static bool flush(struct connection *connection)
{
    while (unsent(connection) > 0) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_sent, unsent(connection), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        connection->out_sent += (size_t)sent;
    }
    connection->out_sent = 0;
    connection->out_used = 0;
    if (connection->out_size > OUTPUT_HIGH_WATER) {
        /* One large answer is no reason to keep so much for an idle client. */
        free(connection->out);
        connection->out = NULL;
        connection->out_size = 0;
    }
    return true;
}

/* ---- in ---- */

/* Takes what has come, as far as there is room. False: the client is gone. */
static bool receive(struct connection *connection)
{
    size_t room = sizeof connection->in - connection->in_used;
    if (room == 0)
        return true;
    ssize_t received = recv(connection->fd, connection->in + connection->in_used, room, 0);
    if (received < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (received == 0)
        connection->hung_up = true;
    connection->in_used += (size_t)received;
    return true;
}

static void take_line(struct connection *connection, char *line, char *end)
{
    if (connection->skipping) {
        connection->skipping = false;
        return;
    }
    if (end > line && end[-1] == '\r')
        end--;
    size_t length = (size_t)(end - line);
    if (length > LINE_LIMIT) {
        connection_reply(connection, "-TOOLONG a line has at most %d bytes", LINE_LIMIT);
    } else if (memchr(line, '\0', length) != NULL) {
        connection_reply(connection, "-BAD a line has no zero bytes");
    } else {
        *end = '\0';
        connection->session->on_line(connection, line);
    }
}

/* Runs the whole lines that are there, until the client has enough answers to read. */
static void take_lines(struct connection *connection)
{
    char *at = connection->in;
    char *end = connection->in + connection->in_used;
    while (!connection->closing && unsent(connection) < OUTPUT_HIGH_WATER) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) {
            /* One byte over the limit may still be the CR of a line that is just long enough. */
            if (end - at > LINE_LIMIT + 1) {
                if (!connection->skipping)
                    connection_reply(connection, "-TOOLONG a line has at most %d bytes", LINE_LIMIT);
                connection->skipping = true;
            }
            if (connection->skipping)
                at = end;
            break;
        }
        take_line(connection, at, newline);
        at = newline + 1;
    }
    if (connection->closing)
        at = end;
    connection->in_used = (size_t)(end - at);
    memmove(connection->in, at, connection->in_used);
}

static bool has_line(const struct connection *connection)
{
    return memchr(connection->in, '\n', connection->in_used) != NULL;
}

/* ---- both ---- */

static void wait_for(struct connection *connection, uint32_t interest)
{
    if (interest == connection->interest)
        return;
    struct epoll_event event = { .events = interest, .data.ptr = connection };
    if (epoll_ctl(connection->worker->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    connection->interest = interest;
}

/* False: the connection is over. */
static bool advance(struct connection *connection, uint32_t events)
{
    if (events & EPOLLERR)
        return false;
    if ((events & (EPOLLIN | EPOLLHUP)) && !connection->hung_up && !receive(connection))
        return false;
    do {
        take_lines(connection);
        if (!flush(connection))
            return false;
    } while (has_line(connection) && unsent(connection) < OUTPUT_HIGH_WATER);

    if (unsent(connection) == 0) {
        if (connection->hung_up)
            return false;
        if (connection->closing && !connection->said_goodbye) {
            /* Closing now could reset the connection and take the last answer with it: let the client hang up. */
            shutdown(connection->fd, SHUT_WR);
            connection->said_goodbye = true;
        }
    }

    uint32_t interest = 0;
    if (!connection->hung_up && unsent(connection) < OUTPUT_HIGH_WATER)
        interest |= EPOLLIN;
    if (unsent(connection) > 0)
        interest |= EPOLLOUT;
    wait_for(connection, interest);
    return true;
}

void connection_ready(struct connection *connection, uint32_t events)
{
    if (!advance(connection, events))
        connection_end(connection);
}
