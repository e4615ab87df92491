#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "memory.h"
#include "session.h"

enum { WORKERS = 2, EVENTS_AT_ONCE = 64 };

static struct worker workers[WORKERS];
static int stop_fd; /* an eventfd in every epoll instance, with NULL as its data: readable means stop */

static void end_sessions(struct worker *worker)
{
    /* The main thread accepts no more by now, so the ring can only get shorter. */
    while (!link_alone(&worker->sessions))
        session_end(CONTAINER_OF(worker->sessions.next, struct session, link));
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    for (;;) {
        struct epoll_event events[EVENTS_AT_ONCE];
        int count = epoll_wait(worker->epoll_fd, events, EVENTS_AT_ONCE, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                /* The other events of this batch are of sessions that end now too. */
                end_sessions(worker);
                return NULL;
            }
            session_ready(events[i].data.ptr, events[i].events);
        }
    }
}

static void worker_start(struct worker *worker)
{
    link_init(&worker->sessions);
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (worker->epoll_fd < 0)
        die("epoll_create1: %s", strerror(errno));
    struct epoll_event stop = { .events = EPOLLIN, .data.ptr = NULL };
    if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, stop_fd, &stop) < 0)
        die("epoll_ctl: %s", strerror(errno));
    pthread_mutex_init(&worker->lock, NULL);
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    if (error != 0)
        die("cannot start a worker: %s", strerror(error));
}

void workers_start(void)
{
    stop_fd = eventfd(0, EFD_CLOEXEC);
    if (stop_fd < 0)
        die("eventfd: %s", strerror(errno));
    for (int i = 0; i < WORKERS; i++)
        worker_start(&workers[i]);
}

void workers_stop(void)
{
    if (eventfd_write(stop_fd, 1) < 0)
        die("eventfd_write: %s", strerror(errno));
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    /* Not before both are gone: either may be counting the other's sessions. */
    for (int i = 0; i < WORKERS; i++) {
        pthread_mutex_destroy(&workers[i].lock);
        close(workers[i].epoll_fd);
    }
    close(stop_fd);
}

void worker_adopt(struct session *session)
{
    static unsigned turn; /* only the main thread adopts */
    struct worker *worker = &workers[turn++ % WORKERS];

    session->worker = worker;
    pthread_mutex_lock(&worker->lock);
    link_insert_after(&worker->sessions, &session->link);
    worker->session_count++;
    pthread_mutex_unlock(&worker->lock);

    /* From here on the session is the worker's: it may have ended before this call returns. */
    struct epoll_event event = { .events = session->interest, .data.ptr = session };
    if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, session->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
}

void worker_forget(struct session *session)
{
    struct worker *worker = session->worker;
    pthread_mutex_lock(&worker->lock);
    link_remove(&session->link);
    worker->session_count--;
    pthread_mutex_unlock(&worker->lock);
}

size_t worker_session_count(void)
{
    size_t count = 0;
    for (int i = 0; i < WORKERS; i++) {
        pthread_mutex_lock(&workers[i].lock);
        count += workers[i].session_count;
        pthread_mutex_unlock(&workers[i].lock);
    }
    return count;
}
