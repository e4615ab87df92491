// What all programs of these tests have: two parks, between which they serve. No stdio: its state is none of the program's.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Not a part of `main`: what they held is not what it holds while it waits.
__attribute__((noinline)) void start(void);
__attribute__((noinline)) void serve(void);

static __attribute__((noinline)) void park(const char *text) {
    char line[8];
    if (write(1, text, strlen(text)) < 0 || read(0, line, sizeof line) <= 0) {
        _exit(0);
    }
}

int main(void) {
    start();
    park("started\n");
    serve();
    park("done\n");
    return 0;
}
