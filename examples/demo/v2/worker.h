/*
 * The two threads that serve the clients. Each waits on an epoll instance of its own and is alone in touching its
 * connections once they are handed to it; only the ring of them is shared with the main thread, under `lock`.
 */
#pragma once

#include <pthread.h>

#include "list.h"

struct connection;

struct worker {
    pthread_t thread;
    int epoll_fd;
    pthread_mutex_t lock;
    struct link connections;
    size_t connection_count;
};

void workers_start(void);
void workers_stop(void); /* ends every connection; returns when both threads are gone */

void worker_adopt(struct connection *connection); /* hands a new connection to the workers in turn */
void worker_forget(struct connection *connection);
size_t worker_connection_count(void); /* of all workers */
