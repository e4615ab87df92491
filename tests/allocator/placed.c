// Start-up blocks at addresses that somebody else chose.
//
//   placed start                        makes blocks as a program does that starts up, and some more after start-up
//   placed inherit PREDECESSOR BASE     the same, then takes over the heap at BASE of another such process
//   placed by-hand                      asks for places by mcrx_malloc_at, good ones and bad ones
//
// The first two print the addresses of `anchor`'s blocks, made by one call, on a line (four of 1000 bytes, one of 1001, and, when
// start-up is over, one of 1000 more), then go on by a line read at a time; see `main`. Exit status 1 and a message: something was wrong.

#include "transplant.h"
#include <malloc.h>

#define APART __attribute__((noipa))

enum { ANCHORS = 6, SIZE = 1000 };
static unsigned char *anchors[ANCHORS];

APART void *anchor(size_t size) {
    void *block = malloc(size);
    if (!block) fail("no memory");
    return block;
}

// Blocks by it are of the size of the anchors, but by another call.
APART void *passer_by(size_t size) {
    void *block = malloc(size);
    if (!block) fail("no memory");
    return block;
}

static void fill(unsigned char *block, size_t size, unsigned seed) {
    for (size_t i = 0; i < size; i++) block[i] = (unsigned char)(i * 7 + seed);
}

static void check(const unsigned char *block, size_t size, unsigned seed, const char *what) {
    for (size_t i = 0; i < size; i++)
        if (block[i] != (unsigned char)(i * 7 + seed)) fail("%s: %p is altered at %lu", what, block, i);
}

// Somebody is in the way, where a test wants a block.
#define TAKEN ((void *)0x600000000000)

static void start_up(unsigned seed) {
    char *taken = mmap(TAKEN, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (taken != TAKEN) fail("%p is taken", TAKEN);
    memset(taken, 0x77, 4096);
    for (int i = 0; i < ANCHORS; i++) {
        free(passer_by(SIZE));
        if (i == 5) ((void (*)(void))dlsym(RTLD_DEFAULT, "mcrx_end_of_start_up"))();
        size_t size = i == 4 ? SIZE + 1 : SIZE;
        anchors[i] = anchor(size);
        if (malloc_usable_size(anchors[i]) < size) fail("%p is too small", anchors[i]);
        fill(anchors[i], size, seed + i);
    }
    for (int i = 0; i < ANCHORS; i++) check(anchors[i], i == 4 ? SIZE + 1 : SIZE, seed + i, "start-up");
    for (int i = 0; i < 4096; i++)
        if (taken[i] != 0x77) fail("a block was put where somebody else is");
    for (int i = 0; i < ANCHORS; i++) printf("%p ", (void *)anchors[i]);
    printf("\n");
    fflush(stdout);
}

static void pause_until_told(void) {
    char byte;
    if (read(0, &byte, 1) != 1) _exit(0);
}

static void say(const char *what) {
    puts(what);
    fflush(stdout);
}

// Resizes and frees them, the placed ones among them.
static void use(unsigned seed) {
    for (int i = 0; i < ANCHORS; i++) {
        unsigned char *smaller = realloc(anchors[i], SIZE - 100);
        check(smaller, SIZE - 100, seed + i, "made smaller");
        anchors[i] = realloc(smaller, 5 * SIZE);
        check(anchors[i], SIZE - 100, seed + i, "made larger");
        fill(anchors[i], 5 * SIZE, seed + i);
    }
    for (int i = 0; i < ANCHORS; i += 2) {
        check(anchors[i], 5 * SIZE, seed + i, "to be freed");
        free(anchors[i]);
    }
}

static void *(*malloc_at)(void *, size_t);

static void refused(void *address, size_t size, const char *why) {
    if (malloc_at(address, size)) fail("%p with %lu bytes was granted: %s", address, size, why);
}

static void *granted(void *address, size_t size) {
    if (malloc_at(address, size) != address) fail("%p with %lu bytes was refused", address, size);
    fill(address, size, 1);
    return address;
}

static void by_hand(void) {
    malloc_at = (void *(*)(void *, size_t))dlsym(RTLD_DEFAULT, "mcrx_malloc_at");
    if (!malloc_at) fail("libmcrx.so is not here");
    char *place = (char *)0x700000000000, on_stack;
    unsigned char *first = granted(place, 100), *own = malloc(100);
    refused(place, 100, "a block is there");
    refused(place + 96, 16, "a block ends there");
    refused(place - 16, 32, "a block begins there");
    unsigned char *next = granted(place + 112, 50), *across = granted(place + 4096 - 32, 10000);
    refused(place + 4096, 16, "a block goes on there");
    refused(place + 8192 + 8, 16, "unaligned");
    refused(NULL, 16, "nothing lies at 0");
    refused((void *)((uintptr_t)&on_stack & -16ul), 16, "the stack");
    refused(own, 16, "its own heap");
    refused((void *)(((uintptr_t)own & -REGION) + (REGION >> 1)), 16, "its own region");
    refused((void *)-4096l, 16, "the kernel's");
    refused((void *)-16l, 64, "past the end of memory");
    refused(place + (1 << 20), -1ul, "more than there is");
    refused(place + (1 << 20), 1ul << 46, "more than there is");
    check(first, 100, 1, "first");
    check(next, 50, 1, "next");
    check(across, 10000, 1, "across");
    if (malloc_usable_size(next) < 50) fail("usable size %lu", malloc_usable_size(next));
    // A place is free again when its block is.
    free(next);
    next = granted(place + 112, 200);
    unsigned char *moved = realloc(first, 300);
    check(moved, 100, 1, "moved");
    if (moved == first) fail("it grew into its neighbour");
    granted(place, 112);
    // Until the table is full.
    long count = 0;
    for (char *at = place + (1 << 20); malloc_at(at, 16); at += 16) count++;
    if (count < 1000 || count > 100000) fail("%ld blocks fit", count);
    void *volatile tenth = place + (1 << 20) + 160;
    free(tenth);
    granted(tenth, 16);
    check(across, 10000, 1, "across, at the end");
    free(own);
    free(moved);
    printf("%ld\n", count);
    fflush(stdout);
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    if (!strcmp(what, "by-hand")) {
        by_hand();
        pause_until_told();
    } else if (!strcmp(what, "start")) {
        start_up(1);
        pause_until_told();
        use(1);
        say("used");
        pause_until_told();
    } else if (!strcmp(what, "inherit") && count > 3) {
        start_up(100);
        pause_until_told();
        // The pages of placed blocks are where the predecessor's are to be: they go, as does all that the new version has there.
        uint64_t base = strtoul(words[3], 0, 0);
        for (int i = 0; i < ANCHORS; i++) {
            uint64_t page = (uint64_t)anchors[i] & -4096ul;
            if (page >= base && page < base + REGION) munmap((void *)page, 8192);
        }
        unsigned char *young = anchors[1];
        inherit(atoi(words[2]), base);
        check(young, SIZE, 101, "of the new version");
        // What is there now is the predecessor's.
        for (int i = 0; i < ANCHORS; i++)
            if (anchors[i] >= (unsigned char *)base && anchors[i] < (unsigned char *)base + REGION) check(anchors[i], SIZE, 1 + i, "of the old version");
        say("taken over");
        pause_until_told();
        for (int i = 0; i < ANCHORS; i++) free(anchors[i]);
        say("freed");
        pause_until_told();
    } else {
        fail("usage: placed start | inherit PREDECESSOR BASE | by-hand");
    }
}
