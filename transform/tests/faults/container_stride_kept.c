// A container that holds anything, and how large one is. What it holds grows.
struct listener {
    int port;
    int fd;
#if NEW
    long accepted;
#endif
};

struct registry {
    void *items;
    unsigned count;
    unsigned item_size;
} registry;

void start(void) {
    registry.item_size = sizeof(struct listener);
}

__attribute__((noinline)) static void *item(unsigned index) {
    return (char *)registry.items + index * registry.item_size;
}

void serve(void) {
    registry.items = realloc(registry.items, (registry.count + 2) * registry.item_size);
    if (!registry.items) {
        abort();
    }
    for (int i = 0; i < 2; i++) {
        struct listener *one = item(registry.count++);
        memset(one, 0, registry.item_size);
        one->port = 80 + (int)registry.count;
        one->fd = 2 + (int)registry.count;
#if NEW
        one->accepted = 5;
#endif
    }
}

void show(void) {
    for (unsigned index = 0; index < registry.count; index++) {
        struct listener *one = item(index);
#if NEW
        say("port %d fd %d accepted %ld\n", one->port, one->fd, one->accepted);
#else
        say("port %d fd %d\n", one->port, one->fd);
#endif
    }
}
