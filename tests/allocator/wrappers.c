// Blocks that are made through allocation wrappers one to five deep, for caller tables; then it waits for the end of standard input.
//
//   wrappers [LIBRARY]
//
// Two threads do the same one after the other, so that every block of a kind is there twice. Its size tells the kind: DEPTH * 1000 +
// CALLER, where `caller_DEPTH_CALLER` calls `wrapper_DEPTH`, which calls `wrapper_(DEPTH - 1)`, and so on down to malloc.
// Compiled with -O2, so without frame pointers. No function is inlined, and none ends in a jump to the next.

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// `noipa`: no inlining, no clones, no knowledge of what the callee leaves alone.
#define APART __attribute__((noipa))

static APART void fail(void) { _exit(1); }

static APART void *checked(void *block) { return block; }

APART void *wrapper_1(size_t size) {
    void *block = malloc(size);
    if (!block) fail();
    return block;
}

// A frame of some size.
APART void *wrapper_2(size_t size) {
    volatile char room[200];
    room[size % sizeof room] = 1;
    void *block = wrapper_1(size);
    if (!block || room[size % sizeof room] != 1) fail();
    return block;
}

// Every saved register in use over the call.
APART void *wrapper_3(size_t size) {
    size_t a = size * 3, b = size ^ 77, c = size + 5, d = size >> 1, e = ~size, f = size << 3;
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    void *block = wrapper_2(size);
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    if (!block || a + b + c + d + e + f == 1) fail();
    return block;
}

// A frame of many pages.
APART void *wrapper_4(size_t size) {
    volatile char room[70000];
    room[size] = 2;
    void *block = wrapper_3(size);
    if (!block || room[size] != 2) fail();
    return block;
}

// Two calls: either may be the one that makes the block.
APART void *wrapper_5(size_t size) {
    void *block = size % 2 ? wrapper_4(size) : NULL;
    if (!block) block = checked(wrapper_4(size));
    if (!block) fail();
    return block;
}

// Other functions of the family.
APART void *wrapper_of_calloc(size_t size) {
    void *block = calloc(1, size);
    if (!block) fail();
    return block;
}

APART void *wrapper_of_realloc(void *old, size_t size) {
    void *block = realloc(old, size);
    if (!block) fail();
    return block;
}

APART void *wrapper_of_posix_memalign(size_t size) {
    void *block = NULL;
    if (posix_memalign(&block, 64, size)) fail();
    return block;
}

// Nobody may conclude that a block is not needed.
static void *volatile kept;

#define CALLERS(DEPTH)                                                          \
    APART void caller_##DEPTH##_1(void) { kept = wrapper_##DEPTH(DEPTH * 1000 + 1); } \
    APART void caller_##DEPTH##_2(void) { kept = wrapper_##DEPTH(DEPTH * 1000 + 2); }

CALLERS(1)
CALLERS(2)
CALLERS(3)
CALLERS(4)
CALLERS(5)

APART void caller_6_1(void) { kept = wrapper_of_calloc(6001); }
APART void caller_6_2(void) { kept = wrapper_of_realloc(malloc(10), 6002); }
APART void caller_6_3(void) { kept = wrapper_of_posix_memalign(6003); }

static void *(*library_wrapper)(size_t);
static void (*library_caller)(size_t);

APART void caller_7_1(void) {
    if (library_wrapper) kept = library_wrapper(7001);
}
APART void caller_7_2(void) {
    if (library_caller) library_caller(7002);
}

static void *work(void *unused) {
    caller_1_1(), caller_1_2();
    caller_2_1(), caller_2_2();
    caller_3_1(), caller_3_2();
    caller_4_1(), caller_4_2();
    caller_5_1(), caller_5_2();
    caller_6_1(), caller_6_2(), caller_6_3();
    caller_7_1(), caller_7_2();
    return unused;
}

int main(int count, char **words) {
    if (count > 1) {
        void *library = dlopen(words[1], RTLD_NOW);
        if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
        library_wrapper = (void *(*)(size_t))dlsym(library, "wrapper_in_library");
        library_caller = (void (*)(size_t))dlsym(library, "caller_in_library");
    }
    pthread_t thread;
    work(NULL);
    if (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL)) return 1;
    char byte;
    if (write(1, "ready\n", 6) != 6) return 1;
    return read(0, &byte, 1) != 0;
}
