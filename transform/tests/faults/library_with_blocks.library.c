#include <stdlib.h>

struct watcher {
    int count;
    int watched[16];
};

struct watcher *watcher_new(void);
void watcher_add(struct watcher *watcher, int fd);
long watcher_sum(const struct watcher *watcher);

struct watcher *watcher_new(void) {
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher) {
        abort();
    }
    return watcher;
}

void watcher_add(struct watcher *watcher, int fd) {
    watcher->watched[watcher->count++ % 16] = fd;
}

long watcher_sum(const struct watcher *watcher) {
    long sum = 0;
    for (int index = 0; index < 16; index++) {
        sum += watcher->watched[index];
    }
    return sum;
}
