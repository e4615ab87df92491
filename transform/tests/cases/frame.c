// What all programs of these tests have: parks, between which they serve. No stdio: its state is none of the program's.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Not a part of `main`: what they held is not what it holds while it waits.
__attribute__((noinline)) void start(void);
__attribute__((noinline)) void serve(void);
// A program that has it says by it what it holds, a line each.
__attribute__((weak)) void show(void);

__attribute__((unused, noinline, format(printf, 1, 2))) static void say(const char *format, ...) {
    char line[512];
    va_list values;
    va_start(values, format);
    int len = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (len < 0 || (size_t)len >= sizeof line || write(1, line, (size_t)len) != len) {
        _exit(2);
    }
}

static __attribute__((noinline)) void park(const char *text) {
    char line[8] = "";
    for (;;) {
        if (write(1, text, strlen(text)) < 0 || read(0, line, sizeof line) <= 0) {
            _exit(0);
        }
        if (line[0] != '?') {
            return;
        }
        if (show) {
            // Who goes round in what was one circle too many is to be heard of.
            alarm(20);
            show();
            alarm(0);
        }
        text = "shown\n";
    }
}

int main(void) {
    start();
    park("started\n");
    for (;;) {
        alarm(20);
        serve();
        alarm(0);
        park("done\n");
    }
}
