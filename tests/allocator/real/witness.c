// Preloaded beside libmcrx.so: says of every program that is executed where its malloc makes blocks.
//
// To the file that WITNESS names it adds a line `PROGRAM FILE BLOCK`: the name the program was started by, its executable, and the
// address of a block.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void testify(void) {
    const char *path = getenv("WITNESS");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (file < 0) return;
    char executable[2048], line[4096];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[length < 0 ? 0 : length] = 0;
    void *volatile block = malloc(100);
    length = snprintf(line, sizeof line, "%s %s %p\n", program_invocation_short_name, executable, block);
    free(block);
    // One write, so that programs that start at the same time do not mix their lines.
    if (length >= (ssize_t)sizeof line || write(file, line, length) != length) _exit(99);
    close(file);
}
