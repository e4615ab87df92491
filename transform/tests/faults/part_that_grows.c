// Objects side by side in a block of which only pointers into it tell what it holds.
struct item {
    long id;
#if NEW
    long weight;
#endif
    long count;
};

void *page;
struct item *second;
int served;

__attribute__((noinline)) static void *make_page(size_t size) {
    // Not a jump to the allocator: this function is to be on the stack.
    void *made = calloc(1, size);
    if (!made) {
        abort();
    }
    return made;
}

__attribute__((noinline)) static void fill(char *at, long id) {
    struct item item = {.id = id, .count = id * 10};
#if NEW
    item.weight = 5;
#endif
    memcpy(at, &item, sizeof item);
}

void start(void) {
    served = 0;
}

void serve(void) {
    free(page);
    page = make_page(4 * sizeof(struct item));
    if (!page) {
        abort();
    }
    for (int i = 0; i < 4; i++) {
        fill((char *)page + (size_t)i * sizeof(struct item), i + 1);
    }
    second = (struct item *)((char *)page + sizeof(struct item));
    served++;
}

void show(void) {
    say("second %ld %ld\n", second->id, second->count);
    for (int i = 0; i < 4; i++) {
        struct item item;
        memcpy(&item, (char *)page + (size_t)i * sizeof item, sizeof item);
        say("item %ld %ld\n", item.id, item.count);
    }
}
