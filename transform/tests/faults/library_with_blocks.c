// A library keeps what it is told in a block that it made for itself when the program started, and the new release's start-up tells
// it more.
struct watcher;
struct watcher *watcher_new(void);
void watcher_add(struct watcher *watcher, int fd);
long watcher_sum(const struct watcher *watcher);

struct server {
    struct watcher *watcher;
    int clients;
#if NEW
    int more;
#endif
};

struct server *server;

void start(void) {
    server = calloc(1, sizeof *server);
    if (!server) {
        abort();
    }
    server->watcher = watcher_new();
#if NEW
    watcher_add(server->watcher, 5);
#endif
}

void serve(void) {
    watcher_add(server->watcher, 10 + server->clients++);
}

void show(void) {
    say("%d clients, sum %ld\n", server->clients, watcher_sum(server->watcher));
}
