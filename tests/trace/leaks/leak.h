// What the programs share: the point at which they are looked at, by whoever looks.
//
// Lines that begin with `// lost:`, `// memcheck:`, `// lsan:` and `// because:` at the head of a program say what is to be found; see
// expected.rs.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef LOOK_BY_LSAN
#include <sanitizer/lsan_interface.h>
#elif defined LOOK_BY_MEMCHECK
#include <valgrind/memcheck.h>
#endif

#ifdef __clang__
#define APART __attribute__((noinline)) static
#else
#define APART __attribute__((noinline, noclone)) static
#endif

// Overwrites what functions that have returned left on the stack and in registers: what is dead must not decide.
APART void clear(void)
{
    volatile char dead[32 * 1024];
    for (unsigned at = 0; at < sizeof dead; at++)
        dead[at] = 0;
    __asm__ volatile("xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\txor %%esi, %%esi\n\txor %%edi, %%edi\n\t"
                     "xor %%r8d, %%r8d\n\txor %%r9d, %%r9d\n\txor %%r10d, %%r10d\n\txor %%r11d, %%r11d"
                     :
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
}

// Is looked at: by LeakSanitizer or memcheck, whose runtime is told to look now, or by whoever is told that it waits.
APART void look_now(void)
{
#ifdef LOOK_BY_LSAN
    __lsan_do_recoverable_leak_check();
#elif defined LOOK_BY_MEMCHECK
    VALGRIND_DO_LEAK_CHECK;
#else
    static char text[32];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    ssize_t done = write(STDOUT_FILENO, text, (size_t)length);
    clear();
    while (done > 0)
        done = read(STDIN_FILENO, text, sizeof text);
#endif
}

APART void look(void)
{
    clear();
    look_now();
}
