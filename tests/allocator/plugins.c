// Loads two libraries in turn, each where the other was before, has each make a block, and unloads it.
//
//   plugins ROUNDS ONE OTHER
//
// Another thread makes blocks all the while; its last one, of 3000 bytes, stays.
// In the last round each makes a block that stays, of 1000 and of 2000 bytes. Prints `MAPPINGS PAGES`, the pages that are in memory and
// are no file's; then it waits for the end of standard input.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile kept[3];

static atomic_int is_under_way, is_over;

// By many calls, so that its heap always finds out about some anew.
#define CALL(SIZE) \
    kept[2] = malloc(SIZE); \
    memset(kept[2], 9, SIZE); \
    free(kept[2]);
#define CALLS(SIZE) CALL(SIZE) CALL(SIZE + 8) CALL(SIZE + 16) CALL(SIZE + 24)

static void *busy(void *unused) {
    while (!is_over) {
        CALLS(10) CALLS(100) CALLS(500) CALLS(700)
        CALLS(20) CALLS(120) CALLS(520) CALLS(720)
        is_under_way = 1;
    }
    kept[2] = malloc(3000);
    return unused;
}

// Where the library was.
static void *use(const char *path, size_t size, void *volatile *keep) {
    void *library = dlopen(path, RTLD_NOW), *block;
    if (!library) fprintf(stderr, "%s\n", dlerror()), exit(1);
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, "make");
    Dl_info found;
    if (!make || !dladdr((void *)make, &found)) fprintf(stderr, "no make\n"), exit(1);
    block = make(size);
    memset(block, 7, size);
    if (dlclose(library)) fprintf(stderr, "%s\n", dlerror()), exit(1);
    // It outlives its maker.
    if (keep) *keep = block;
    else free(block);
    return found.dli_fbase;
}

int main(int count, char **words) {
    if (count < 4) return 2;
    int rounds = atoi(words[1]), mappings = 0, letter;
    pthread_t thread;
    if (pthread_create(&thread, NULL, busy, NULL)) return 1;
    // However few the rounds, it has called from everywhere.
    while (!is_under_way) sched_yield();
    for (int round = 1; round <= rounds; round++) {
        int is_last = round == rounds;
        void *one = use(words[2], is_last ? 1000 : 100, is_last ? &kept[0] : NULL);
        void *other = use(words[3], is_last ? 2000 : 100, is_last ? &kept[1] : NULL);
        if (one != other) fprintf(stderr, "they are not loaded at the same place: %p, %p\n", one, other), exit(1);
    }
    is_over = 1;
    pthread_join(thread, NULL);
    unsigned long size, resident, of_files;
    FILE *maps = fopen("/proc/self/maps", "r"), *statm = fopen("/proc/self/statm", "r");
    if (!maps || !statm || fscanf(statm, "%lu %lu %lu", &size, &resident, &of_files) != 3) return 1;
    while ((letter = getc(maps)) != EOF) mappings += letter == '\n';
    fclose(maps);
    fclose(statm);
    printf("%d %lu\n", mappings, resident - of_files);
    fflush(stdout);
    char byte;
    return read(0, &byte, 1) != 0;
}
