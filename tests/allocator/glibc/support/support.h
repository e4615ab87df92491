// Calls that end the test when they fail.
#ifndef SUPPORT_SUPPORT_H
#define SUPPORT_SUPPORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *block, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *xposix_memalign(size_t align, size_t size);
void xsetlocale(int category, const char *name);
void ignore_stderr(void);
void write_message(const char *text);
// Memory that children share.
void *support_shared_allocate(size_t size);
void support_shared_free(void *block);
void set_fortify_handler(void (*handler)(int));
#endif
