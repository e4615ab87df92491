#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("larder: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

void *xmalloc(size_t size)
{
    void *block = malloc(size);
    if (block == NULL)
        die("out of memory");
    return block;
}

void *xrealloc(void *block, size_t size)
{
    block = realloc(block, size);
    if (block == NULL)
        die("out of memory");
    return block;
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(xmalloc(size), text, size);
}
