/* How much memory the process has right now, for programs that report it at their end. */
#ifndef RESIDENT_H
#define RESIDENT_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The second number of /proc/self/statm, in MiB (proc(5)). Read without stdio, whose buffer would come from the allocator. */
static inline double resident_mib(void)
{
    char text[128] = "";
    int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (statm < 0)
        return 0;
    ssize_t length = read(statm, text, sizeof text - 1);
    close(statm);
    const char *second = length > 0 ? strchr(text, ' ') : NULL;
    return second != NULL ? (double)atol(second) * (double)sysconf(_SC_PAGESIZE) / (1 << 20) : 0;
}

#endif
