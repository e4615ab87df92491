/*
 * The two threads that serve the sessions. Each waits on an epoll instance of its own and is alone in touching its
 * sessions once they are handed to it; only the ring of them is shared with the main thread, under `lock`.
 */
#pragma once

#include <pthread.h>

#include "list.h"

struct session;

struct worker {
    pthread_t thread;
    int epoll_fd;
    pthread_mutex_t lock;
    struct link sessions;
    size_t session_count;
};

void workers_start(void);
void workers_stop(void); /* ends every session; returns when both threads are gone */

void worker_adopt(struct session *session); /* hands a new session to the workers in turn */
void worker_forget(struct session *session);
size_t worker_session_count(void); /* of all workers */
