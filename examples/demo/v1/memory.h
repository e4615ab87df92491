/* Allocation that does not return without memory, and the way out when something cannot go on. */
#pragma once

#include <stddef.h>
#include <stdnoreturn.h>

noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *xmalloc(size_t size);
void *xrealloc(void *block, size_t size);
char *xstrdup(const char *text);
