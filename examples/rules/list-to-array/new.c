// In the next release they are side by side, and their number is kept.
#include <stdio.h>

struct timer {
    long expires;
    void (*fired)(int);
};

struct timers {
    struct timer *first;
    unsigned int count;
};

struct timers timers;

__attribute__((noinline)) static void on_idle(int fd) {
    printf("idle: %d\n", fd);
}

int main(void) {
    static struct timer first = {.fired = on_idle};
    timers = (struct timers){&first, 1};
    timers.first->fired(3);
    return 0;
}
