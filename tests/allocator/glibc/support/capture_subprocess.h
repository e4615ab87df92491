// A function run in a child, and what it said.
#ifndef SUPPORT_CAPTURE_SUBPROCESS_H
#define SUPPORT_CAPTURE_SUBPROCESS_H
#include <stddef.h>
struct support_text {
    char *buffer;
    size_t length;
};
struct support_capture_subprocess {
    struct support_text out, err;
    int status;
};
struct support_capture_subprocess support_capture_subprocess(void (*run)(void *), void *argument);
void support_capture_subprocess_free(struct support_capture_subprocess *captured);
enum support_capture_allow { sc_allow_none = 0, sc_allow_stdout = 1, sc_allow_stderr = 2 };
void support_capture_subprocess_check(struct support_capture_subprocess *captured, const char *what, int status, int allowed);
#endif
