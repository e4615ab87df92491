// Random work of the whole malloc family by many threads on one table of blocks, each checked against what the table says.
//
//   stress SEED THREADS SLOTS OPERATIONS [option...]
//     max=BYTES     largest block (default 40 MiB)
//     lives=N       each thread ends and is replaced N times on the way
//     forks=N       threads fork now and then, N in all; children check everything, go on with threads of their own, and fork again
//     depth=N       to this many generations (default 5)
//     how=fork|clone  by fork(3) or by a bare clone(2)
//     journal=FILE  the table lies in this file, for whoever stops the process and reads it
//     tight=1       a failed allocation is no error
//
// Any thread may work on any slot, so a block is freed by another thread than made it as often as not. A slot says what is about
// to be done with it before it is done: whoever reads the table at any instant knows what holds, but for the slots at work.
// Exit status 0: nothing was wrong. Otherwise standard error says what.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EMPTY, LIVE, BUSY };
enum { NOTHING, ALLOCATE, FREE, RESIZE, INQUIRE };

// As `tests/allocator/journal.rs` reads it.
struct slot {
    _Atomic uint32_t state, lock;
    uint32_t work, align;
    uint64_t address, size, wanted, pattern;
};

static struct {
    uint64_t seed, threads, slots, operations, max, lives, forks, depth;
    int clone, tight;
    const char *journal;
} options = {.max = 40 << 20, .lives = 1, .depth = 5};

static struct slot *table;
static _Atomic int64_t forks_left;
// Held where libc holds locks of its own, which a bare clone does not free in the child as fork(3) does.
static pthread_mutex_t libc_at_work = PTHREAD_MUTEX_INITIALIZER;
static int generation;

static _Noreturn void fail(const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(text, sizeof text, "generation %d: ", generation);
    length += vsnprintf(text + length, sizeof text - length - 1, format, arguments);
    text[length++] = '\n';
    if (write(2, text, length) < 0) _exit(99);
    _exit(1);
}

// xorshift64*.
static uint64_t next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static uint64_t below(uint64_t *state, uint64_t bound) { return (next(state) >> 11) % bound; }

// Mostly small, log-uniform above; each size of interest comes up.
static uint64_t some_size(uint64_t *state) {
    static const uint64_t corners[] = {0,    1,    15,   16,    17,    24,    1008,  1024,   1025,   4096,
                                       4097, 8192, 8193, 32768, 65535, 65536, 65537, 131072, 1 << 20};
    uint64_t kind = below(state, 100), size;
    if (kind < 5) size = corners[below(state, sizeof corners / sizeof *corners)];
    else if (kind < 80) size = below(state, 16 << below(state, 7));
    else if (kind < 97) size = below(state, 1024 << below(state, 7));
    else if (kind < 99) size = below(state, 65536 << below(state, 6));
    else size = below(state, 1u << 20 << below(state, 7));
    return size <= options.max ? size : size % (options.max + 1);
}

static uint64_t word_at(uint64_t pattern, uint64_t offset) { return (pattern ^ offset) * 0x9e3779b97f4a7c15u; }

// Every byte of small blocks; of large ones the ends and a word of each page.
static void each_word(const struct slot *slot, uint64_t length, void (*act)(const struct slot *, uint64_t, uint64_t)) {
    uint64_t words = length / 8;
    for (uint64_t i = 0; i < words; i += i < 512 || i + 64 > words ? 1 : 509) act(slot, 8 * i, 8);
    if (length % 8) act(slot, 8 * words, length % 8);
}

static void put(const struct slot *slot, uint64_t offset, uint64_t length) {
    uint64_t word = word_at(slot->pattern, offset);
    memcpy((char *)slot->address + offset, &word, length);
}

static void look(const struct slot *slot, uint64_t offset, uint64_t length) {
    uint64_t word = word_at(slot->pattern, offset), found = word;
    memcpy(&found, (char *)slot->address + offset, length);
    if (found != word)
        fail("slot %ld: %lx + %lx of %lx reads %lx, was %lx", slot - table, slot->address, offset, slot->size, found, word);
}

// Of a block that realloc may have cut short only whole words can be compared.
static void check(const struct slot *slot) { each_word(slot, slot->size, look); }

static void want(struct slot *slot, uint32_t work, uint64_t wanted) {
    slot->work = work;
    slot->wanted = wanted;
    atomic_store(&slot->state, BUSY);
}

static void made(struct slot *slot, uint64_t address, uint64_t size) {
    slot->address = address;
    slot->size = size;
    each_word(slot, size, put);
    atomic_store(&slot->state, LIVE);
}

static void allocate(struct slot *slot, uint64_t *state) {
    uint64_t size = some_size(state), align = 16, kind = below(state, 100);
    void *block = NULL;
    slot->pattern = next(state);
    want(slot, ALLOCATE, size);
    if (kind < 60) block = malloc(size);
    else if (kind < 80) {
        uint64_t count = 1 + below(state, 8);
        slot->wanted = size = size / count * count;
        block = calloc(count, size / count);
        const unsigned char *bytes = block;
        if (block)
            for (uint64_t i = 0; i < size; i += i < 4096 || i + 64 > size ? 1 : 61)
                if (bytes[i]) fail("calloc(%lu, %lu) = %p: byte %lu is %x", count, size / count, block, i, bytes[i]);
    } else {
        align = 8ul << below(state, below(state, 10) == 0 ? 19 : 9);
        if (size > options.max - align) slot->wanted = size = size % 4096;
        if (kind < 87) block = memalign(align, size);
        else if (kind < 94) block = aligned_alloc(align, size);
        else if (posix_memalign(&block, align, size)) block = NULL;
        if (align < 16) align = 16;
    }
    if (!block) {
        if (!options.tight) fail("no memory for %lu bytes at %lu", size, align);
        atomic_store(&slot->state, EMPTY);
        return;
    }
    if ((uint64_t)block % align) fail("%p of %lu bytes is no multiple of %lu", block, size, align);
    slot->align = align;
    made(slot, (uint64_t)block, size);
}

static void release(struct slot *slot) {
    check(slot);
    want(slot, FREE, 0);
    errno = 12345;
    free((void *)slot->address);
    if (errno != 12345) fail("free set errno to %d", errno);
    atomic_store(&slot->state, EMPTY);
}

static void resize(struct slot *slot, uint64_t *state) {
    uint64_t size = below(state, 3) ? some_size(state) : slot->size + below(state, slot->size + 64);
    if (size > options.max) size = options.max;
    if (size == 0) size = 1;
    check(slot);
    want(slot, RESIZE, size);
    void *block = realloc((void *)slot->address, size);
    if (!block) {
        if (!options.tight) fail("no memory to resize %lu bytes to %lu", slot->size, size);
        atomic_store(&slot->state, LIVE);
        return check(slot);
    }
    if ((uint64_t)block % 16) fail("realloc gave %p", block);
    slot->align = 16;
    slot->address = (uint64_t)block;
    uint64_t kept = slot->size < size ? slot->size : size;
    // The tail of a word that both sizes cut is not comparable, nor is the end of a large block that was skipped over.
    for (uint64_t i = 0; i + 8 <= kept; i += i < 512 * 8 ? 8 : 509 * 8) look(slot, i, 8);
    slot->pattern = next(state);
    made(slot, slot->address, size);
}

static void inquire(struct slot *slot) {
    want(slot, INQUIRE, 0);
    uint64_t usable = malloc_usable_size((void *)slot->address);
    if (usable < slot->size) fail("%lx of %lu bytes: %lu usable", slot->address, slot->size, usable);
    memset((char *)slot->address + slot->size, 0xa5, usable - slot->size < 4096 ? usable - slot->size : 4096);
    if (usable > slot->size) ((char *)slot->address)[usable - 1] = 0x5a;
    atomic_store(&slot->state, LIVE);
}

static void work_on(struct slot *slot, uint64_t *state) {
    if (slot->state == EMPTY) return allocate(slot, state);
    uint64_t kind = below(state, 100);
    if (kind < 70) release(slot);
    else if (kind < 95) resize(slot, state);
    else inquire(slot);
}

static int compare(const void *a, const void *b) {
    const struct slot *x = *(struct slot *const *)a, *y = *(struct slot *const *)b;
    return x->address < y->address ? -1 : x->address > y->address;
}

// Nobody else is at work. Slots that are BUSY belonged to threads that a fork left behind.
static void check_all(void) {
    size_t bytes = options.slots * sizeof(struct slot *), live = 0;
    struct slot **sorted = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sorted == MAP_FAILED) {
        if (options.tight) return;
        fail("no room to sort");
    }
    for (uint64_t i = 0; i < options.slots; i++)
        if (table[i].state == LIVE) sorted[live++] = &table[i];
    qsort(sorted, live, sizeof *sorted, compare);
    for (size_t i = 0; i < live; i++) {
        check(sorted[i]);
        if (i && sorted[i - 1]->address + sorted[i - 1]->size > sorted[i]->address)
            fail("%lx + %lx overlaps %lx", sorted[i - 1]->address, sorted[i - 1]->size, sorted[i]->address);
        if (i && sorted[i - 1]->address == sorted[i]->address) fail("%lx is there twice", sorted[i]->address);
    }
    munmap(sorted, bytes);
}

static void run(uint64_t seed, uint64_t threads, uint64_t lives, uint64_t operations);

// What a child does with the heap that it got.
static _Noreturn void child(uint64_t seed) {
    alarm(100);
    generation++;
    check_all();
    for (uint64_t i = 0; i < options.slots; i++) {
        table[i].lock = 0;
        // What a thread was at when it was left behind is lost.
        if (table[i].state == BUSY) table[i].state = EMPTY;
        else if (table[i].state == LIVE && (seed >> i % 64 & 1)) release(&table[i]);
    }
    forks_left = generation < (int)options.depth ? 1 : 0;
    run(seed * 3 + 1, 3, 2, options.operations / 20 + 200);
    _exit(0);
}

static void fork_now(uint64_t seed) {
    if (options.clone) pthread_mutex_lock(&libc_at_work);
    pid_t pid = options.clone ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (pid == 0) pthread_mutex_init(&libc_at_work, NULL);
    else if (options.clone) pthread_mutex_unlock(&libc_at_work);
    if (pid < 0) fail("no child: %s", strerror(errno));
    if (pid == 0) child(seed);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) fail("lost a child: %s", strerror(errno));
    if (status) fail("a child ended with %x", status);
}

struct job {
    uint64_t seed, operations, thread, threads;
    sem_t done;
};

static void *thread_main(void *argument) {
    struct job *job = argument;
    uint64_t state = job->seed * 0x9e3779b97f4a7c15u + 1, share = options.slots / job->threads;
    for (uint64_t i = 0; i < job->operations; i++) {
        uint64_t index = below(&state, 2) ? below(&state, options.slots) : job->thread * share + below(&state, share);
        struct slot *slot = &table[index];
        if (atomic_exchange(&slot->lock, 1)) continue;
        work_on(slot, &state);
        atomic_store(&slot->lock, 0);
        if (forks_left > 0 && below(&state, 1 + job->operations / 4) == 0 && atomic_fetch_sub(&forks_left, 1) > 0)
            fork_now(next(&state));
    }
    sem_post(&job->done);
    return NULL;
}

static void run(uint64_t seed, uint64_t threads, uint64_t lives, uint64_t operations) {
    pthread_t running[1024];
    struct job jobs[1024];
    for (uint64_t life = 0; life < lives; life++) {
        for (uint64_t i = 0; i < threads; i++) {
            jobs[i] = (struct job){.seed = seed * 1000003 + life * threads + i};
            jobs[i].operations = operations / lives;
            jobs[i].thread = i;
            jobs[i].threads = threads;
            sem_init(&jobs[i].done, 0, 0);
            pthread_mutex_lock(&libc_at_work);
            int error = pthread_create(&running[i], NULL, thread_main, &jobs[i]);
            pthread_mutex_unlock(&libc_at_work);
            if (error) fail("no thread: %s", strerror(error));
        }
        for (uint64_t i = 0; i < threads; i++) {
            while (sem_wait(&jobs[i].done)) continue;
            pthread_mutex_lock(&libc_at_work);
            pthread_join(running[i], NULL);
            pthread_mutex_unlock(&libc_at_work);
        }
        check_all();
    }
}

static void read_option(const char *text) {
    uint64_t number = strchr(text, '=') ? strtoull(strchr(text, '=') + 1, NULL, 0) : 0;
    if (!strncmp(text, "max=", 4)) options.max = number;
    else if (!strncmp(text, "lives=", 6)) options.lives = number;
    else if (!strncmp(text, "forks=", 6)) options.forks = number;
    else if (!strncmp(text, "depth=", 6)) options.depth = number;
    else if (!strcmp(text, "how=clone")) options.clone = 1;
    else if (!strcmp(text, "how=fork")) options.clone = 0;
    else if (!strncmp(text, "tight=", 6)) options.tight = number;
    else if (!strncmp(text, "journal=", 8)) options.journal = text + 8;
    else fail("no such option: %s", text);
}

int main(int count, char **words) {
    if (count < 5) fail("usage: stress SEED THREADS SLOTS OPERATIONS [option...]");
    options.seed = strtoull(words[1], NULL, 0);
    options.threads = strtoull(words[2], NULL, 0);
    options.slots = strtoull(words[3], NULL, 0);
    options.operations = strtoull(words[4], NULL, 0);
    for (int i = 5; i < count; i++) read_option(words[i]);
    if (options.threads < 1 || options.threads > 1024 || options.slots < options.threads) fail("too few or too many");
    size_t bytes = options.slots * sizeof *table;
    int file = -1;
    if (options.journal) {
        file = open(options.journal, O_RDWR | O_CREAT, 0600);
        if (file < 0 || ftruncate(file, (off_t)bytes)) fail("%s: %s", options.journal, strerror(errno));
    }
    int how = options.journal ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, how, file, 0);
    if (table == MAP_FAILED) fail("no table: %s", strerror(errno));
    forks_left = (int64_t)options.forks;
    run(options.seed, options.threads, options.lives, options.operations);
    for (uint64_t i = 0; i < options.slots; i++)
        if (table[i].state == LIVE) release(&table[i]);
    return 0;
}
