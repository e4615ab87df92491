// What an updater does from outside, for programs that do it for themselves: the heap of a process mapped into another at its own
// addresses, and taken over there.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define REGION (1ul << 40)
#define ARENA 0x100000000000ul
// Offset of a header's field, as `abi::Header` asserts it: in a home region, a bit for each place of the arena with another region.
#define ADOPTED 40

static _Noreturn void fail(const char *format, ...) {
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text - 1, format, arguments);
    text[length++] = '\n';
    if (write(2, text, length) < 0) _exit(99);
    _exit(1);
}

static void read_from(int process, uint64_t from, uint64_t length) {
    struct iovec iov = {(void *)from, length};
    if (process_vm_readv(process, &iov, 1, &iov, 1, 0) != (ssize_t)length) fail("%lx cannot be copied: %s", from, strerror(errno));
}

// Maps the region at `base` of `process` here, and copies what is in memory of it.
static void transplant(int process, uint64_t base) {
    char path[64], line[512], mode[8];
    snprintf(path, sizeof path, "/proc/%d/pagemap", process);
    int pagemap = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/maps", process);
    int maps = open(path, O_RDONLY);
    uint64_t start, end, length = 0, got;
    static char text[1 << 22];
    while ((got = read(maps, text + length, sizeof text - length - 1)) > 0) length += got;
    close(maps);
    for (char *at = text, *stop; (stop = strchr(at, '\n')); at = stop + 1) {
        size_t columns = stop - at < 511 ? stop - at : 511;
        memcpy(line, at, columns);
        line[columns] = 0;
        if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) != 3 || start < base || start >= base + REGION) continue;
        int protection = mode[1] == 'w' ? PROT_READ | PROT_WRITE : PROT_NONE;
        int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
        if (mmap((void *)start, end - start, protection, how, -1, 0) != (void *)start) fail("%lx is taken: %s", start, strerror(errno));
        if (mode[1] != 'w') continue;
        for (uint64_t page = start; page < end; page += 4096) {
            uint64_t entry = 0;
            if (pread(pagemap, &entry, 8, page / 4096 * 8) != 8) fail("no pagemap");
            if (entry >> 62) read_from(process, page, 4096);
        }
    }
    close(pagemap);
}

// Every other thread is held. Returns once the heap at `base` of `process` is this process's.
static void inherit(int process, uint64_t base) {
    int (*take_over)(uint64_t) = (int (*)(uint64_t))dlsym(RTLD_DEFAULT, "mcrx_take_over");
    if (!take_over) fail("libmcrx.so is not here");
    transplant(process, base);
    uint64_t others = *(uint64_t *)(base + ADOPTED);
    for (uint64_t place = 0; place < 64; place++)
        if (others >> place & 1) transplant(process, ARENA + place * REGION);
    if (take_over(base) != 1) fail("the heap at %lx was not taken over", base);
}
