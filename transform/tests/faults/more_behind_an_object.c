// Behind an object there is more in its block than its type says.
struct message {
    int id;
    int size;
#if NEW
    long sent;
#endif
};

struct queue {
    struct message *first;
    int next_id;
} queue;

__attribute__((noinline)) static char *text(struct message *message) {
    return (char *)message + sizeof *message;
}

void start(void) {
    queue.next_id = 1;
}

void serve(void) {
    free(queue.first);
    queue.first = malloc(sizeof *queue.first + 20);
    if (!queue.first) {
        abort();
    }
    queue.first->id = queue.next_id++;
    queue.first->size = 20;
#if NEW
    queue.first->sent = 9;
#endif
    memset(text(queue.first), 0, 20);
    memcpy(text(queue.first), "what was to be said", 19);
}

void show(void) {
    say("%d: %s\n", queue.first->id, text(queue.first));
}
