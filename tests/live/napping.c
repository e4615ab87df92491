/* A server with a thread that waits for a condition until there is something to do, and naps while there is.
 *
 * It answers the lines "version", "busy" (from then on the thread naps) and "naps" (how often it has).
 *
 *     napping PORT
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static int busy;
static long naps;
static struct pollfd sockets[1 + CLIENTS];
static int count = 1;

static void *napper(void *nothing)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        if (!busy)
            pthread_cond_wait(&work, &lock);
        pthread_mutex_unlock(&lock);
        if (busy) {
            __atomic_add_fetch(&naps, 1, __ATOMIC_RELAXED);
            usleep(20000);
        }
    }
    return nothing;
}

static void answer(struct pollfd *client)
{
    char line[64];
    ssize_t length = read(client->fd, line, sizeof line - 1);
    if (length <= 0) {
        close(client->fd);
        client->fd = -1;
        return;
    }
    line[length] = 0;
    if (strcmp(line, "version\n") == 0) {
        dprintf(client->fd, "release %d\n", RELEASE);
    } else if (strcmp(line, "busy\n") == 0) {
        pthread_mutex_lock(&lock);
        busy = 1;
        pthread_cond_signal(&work);
        pthread_mutex_unlock(&lock);
        dprintf(client->fd, "ok\n");
    } else {
        dprintf(client->fd, "%ld\n", __atomic_load_n(&naps, __ATOMIC_RELAXED));
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    pthread_t thread;
    if (argc < 2)
        return 2;
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    sockets[0].fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(sockets[0].fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(sockets[0].fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(sockets[0].fd, 8) != 0)
        return 1;
    sockets[0].events = POLLIN;
    if (pthread_create(&thread, NULL, napper, NULL) != 0)
        return 1;
    for (;;) {
        if (poll(sockets, (nfds_t)count, -1) < 0)
            continue;
        if (sockets[0].revents & POLLIN && count <= CLIENTS) {
            sockets[count].fd = accept(sockets[0].fd, NULL, NULL);
            sockets[count].events = POLLIN;
            sockets[count++].revents = 0;
        }
        for (int i = 1; i < count; i++)
            if (sockets[i].revents)
                answer(&sockets[i]);
    }
}
