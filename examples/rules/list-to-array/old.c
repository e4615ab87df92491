// Timers are in a list.
#include <stdio.h>

struct timer {
    long expires;
    void (*fired)(int);
    struct timer *next;
};

struct timer *timers;

__attribute__((noinline)) static void on_idle(int fd) {
    printf("idle: %d\n", fd);
}

int main(void) {
    static struct timer first = {.fired = on_idle};
    timers = &first;
    timers->fired(3);
    return 0;
}
