/* A program that says what its memory holds.
 *
 *     known [MEGABYTES]
 *
 * Prints "ready", then for every kind of memory NAME ADDRESS BYTES SUM, where SUM is FNV-1a of the bytes, then a dot. It keeps none of
 * them from staying as they are but "before" and "after": two words, far apart, which a thread counts up one after the other, over and
 * over again. Another process, a child, counts up "theirs" in shared memory before the first of them. MEGABYTES are a large heap besides.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGE 4096

static void say(const char *name, const volatile void *start, size_t len)
{
    const volatile unsigned char *bytes = start;
    uint64_t sum = 0xcbf29ce484222325;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3;
    printf("%s %llx %zu %llx\n", name, (unsigned long long)(uintptr_t)start, len, (unsigned long long)sum);
}

/* Bytes that differ from place to place. */
static void fill(void *start, size_t len, uint64_t seed)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        memcpy((char *)start + i, &seed, 8);
    }
}

static char initialised[3 * PAGE] = {1, 2, 3};
static char zeroed[3 * PAGE];
static const char constant[] = "a constant that nobody writes to";
static const char *const relocated[] = {constant, constant + 1, (const char *)zeroed, initialised};
static __thread char of_each_thread[64] = "each thread has its own";
static __thread char of_each_thread_zeroed[64];

static char spread[64 << 20] __attribute__((aligned(4096)));
#define BEFORE ((volatile uint64_t *)spread)
#define AFTER ((volatile uint64_t *)(spread + sizeof spread - 8))

static void *count(void *unused)
{
    for (;;) {
        ++*BEFORE;
        ++*AFTER;
    }
    return unused;
}

static pthread_barrier_t barrier;

static void *have_own(void *unused)
{
    char stack[256];
    fill(stack, sizeof stack, 77);
    fill(of_each_thread_zeroed, sizeof of_each_thread_zeroed, 78);
    say("thread-stack", stack, sizeof stack);
    say("thread-local", of_each_thread, sizeof of_each_thread);
    say("thread-local-zeroed", of_each_thread_zeroed, sizeof of_each_thread_zeroed);
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
    return unused;
}

static void *anonymous(size_t len, int flags)
{
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
    if (memory == MAP_FAILED)
        exit(1);
    return memory;
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_barrier_init(&barrier, NULL, 2);
    printf("ready\n");

    char stack[300];
    fill(stack, sizeof stack, 1);
    fill(initialised + PAGE, PAGE, 2);
    fill(zeroed + PAGE, 100, 3);
    char *small = malloc(5000), *big = malloc(3 << 20);
    fill(small, 5000, 4);
    fill(big, 3 << 20, 5);

    /* A terabyte nearly untouched. */
    char *sparse = mmap(NULL, 1ul << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sparse == MAP_FAILED)
        exit(1);
    fill(sparse + (1ul << 39), 2 * PAGE, 6);

    /* Two mappings side by side that the kernel does not make one. */
    char *seam = anonymous(8 * PAGE, MAP_PRIVATE);
    fill(seam, 8 * PAGE, 7);
    mprotect(seam, 4 * PAGE, PROT_READ);

    /* A file, mapped privately, one page changed, one never touched; then cut off from its name. */
    char path[] = "mapped.XXXXXX";
    int fd = mkstemp(path);
    char page[PAGE];
    for (int i = 0; i < 6; i++) {
        fill(page, PAGE, 10 + i);
        if (write(fd, page, PAGE) != PAGE)
            exit(1);
    }
    char *file = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *file_shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * PAGE);
    fill(file + 2 * PAGE, 100, 20);
    char *file_read = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
    char removed_path[] = "removed.XXXXXX";
    int removed_fd = mkstemp(removed_path);
    if (write(removed_fd, page, PAGE) != PAGE)
        exit(1);
    char *removed = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, removed_fd, 0);
    unlink(removed_path);
    /* What the file no longer reaches cannot be read by anyone. */
    if (ftruncate(removed_fd, 2 * PAGE))
        exit(1);
    char *cut = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, removed_fd, 0);
    if (ftruncate(removed_fd, PAGE))
        exit(1);

    /* What a child would not have, or would find wiped. */
    char *wiped = anonymous(2 * PAGE, MAP_PRIVATE), *not_forked = anonymous(2 * PAGE, MAP_PRIVATE);
    fill(wiped, PAGE, 8);
    fill(not_forked, PAGE, 9);
    madvise(wiped, PAGE, MADV_WIPEONFORK);
    madvise(not_forked, PAGE, MADV_DONTFORK);

    /* Shared memory of every make. The child writes to some that we never touch. */
    char *shared = anonymous(16 * PAGE, MAP_SHARED);
    int memory_fd = memfd_create("known", 0);
    if (ftruncate(memory_fd, 8 * PAGE))
        exit(1);
    char *memfd_first = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    char *memfd_second = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, memory_fd, 4 * PAGE);
    int id = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
    char *system_v = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    fill(memfd_first + 4 * PAGE, 3000, 30);
    fill(system_v + PAGE, 3000, 31);
    volatile uint64_t *theirs = (uint64_t *)shared;
    int written[2];
    if (pipe(written))
        exit(1);
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fill(shared + 8 * PAGE, PAGE, 32);
        if (write(written[1], "x", 1) != 1)
            exit(1);
        for (;;)
            ++*theirs;
    }
    char byte;
    if (read(written[0], &byte, 1) != 1)
        exit(1);

    size_t megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    char *large = megabytes ? malloc(megabytes << 20) : NULL;
    if (large)
        fill(large, megabytes << 20, 99);

    pthread_t thread;
    pthread_create(&thread, NULL, have_own, NULL);
    pthread_barrier_wait(&barrier);

    say("stack", stack, sizeof stack);
    say("initialised", initialised, sizeof initialised);
    say("zeroed", zeroed, sizeof zeroed);
    say("constant", constant, sizeof constant);
    say("relocated", relocated, sizeof relocated);
    say("main-thread-local", of_each_thread, sizeof of_each_thread);
    say("code", (void *)main, 200);
    say("small", small, 5000);
    say("big", big, 3 << 20);
    say("sparse", sparse + (1ul << 39), 2 * PAGE);
    say("seam", seam, 8 * PAGE);
    say("wiped", wiped, 2 * PAGE);
    say("not-forked", not_forked, 2 * PAGE);
    say("file-touched", file, 4 * PAGE);
    say("file-shared", file_shared, 2 * PAGE);
    say("file-read", file_read, PAGE);
    say("removed", removed, PAGE);
    say("cut", cut, PAGE);
    say("memfd", memfd_first, 8 * PAGE);
    say("memfd-again", memfd_second, 2 * PAGE);
    say("system-v", system_v, 4 * PAGE);
    if (large)
        say("large", large, megabytes << 20);
    /* Sums without a look: this process has never touched these. */
    memset(page, 0, PAGE);
    printf("cut-off %llx %d absent\n", (unsigned long long)(uintptr_t)(cut + PAGE), PAGE);
    printf("untouched %llx %d zeros\n", (unsigned long long)(uintptr_t)(sparse + (1ul << 38)), PAGE);
    printf("written-by-child %llx %d child\n", (unsigned long long)(uintptr_t)(shared + 8 * PAGE), PAGE);
    printf("before %llx 8 counter\n", (unsigned long long)(uintptr_t)BEFORE);
    printf("after %llx 8 counter\n", (unsigned long long)(uintptr_t)AFTER);
    printf("theirs %llx 8 counter\n.\n", (unsigned long long)(uintptr_t)theirs);
    fflush(stdout);
    pthread_create(&thread, NULL, count, NULL);
    for (;;)
        pause();
}
