// Both put a handler into a slot that was free: the new release at its start, the old one since.
static long handled;

__attribute__((noinline)) static void on_client(long value) {
    handled += value;
}

#if NEW
__attribute__((noinline)) static void on_timer(long value) {
    handled += 1000 * value;
}
#endif

void (*handlers[4])(long value);

void start(void) {
#if NEW
    handlers[0] = on_timer;
#endif
}

void serve(void) {
    int free_one = 0;
    while (handlers[free_one] && handlers[free_one] != on_client) {
        free_one++;
    }
    handlers[free_one] = on_client;
}

void show(void) {
    handled = 0;
    for (int i = 0; i < 4; i++) {
        if (handlers[i]) {
            handlers[i](1);
        }
    }
    say("%ld handled\n", handled);
}
