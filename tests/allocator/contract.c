// What glibc documents of each function of the malloc family, asked of the one that is loaded.
// Prints what differs, with its line here; the exit status is 1 if anything does.

#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong;
#define IS(what) \
    do { \
        if (!(what) && ++wrong < 50) printf("line %d: not so: %s (errno %d)\n", __LINE__, #what, errno); \
    } while (0)
#define FAILS(call, why) \
    do { \
        errno = 0; \
        IS((call) == NULL); \
        IS(errno == (why)); \
    } while (0)

// Through pointers that the compiler cannot see through: it knows malloc too well.
static void *(*volatile m)(size_t) = malloc;
static void *(*volatile c)(size_t, size_t) = calloc;
static void *(*volatile r)(void *, size_t) = realloc;
static void *(*volatile ra)(void *, size_t, size_t) = reallocarray;
static void (*volatile f)(void *) = free;
static int (*volatile pm)(void **, size_t, size_t) = posix_memalign;
static void *(*volatile aa)(size_t, size_t) = aligned_alloc;
static void *(*volatile ma)(size_t, size_t) = memalign;
static void *(*volatile va)(size_t) = valloc;
static void *(*volatile pv)(size_t) = pvalloc;
static size_t (*volatile us)(void *) = malloc_usable_size;

#define MIB ((size_t)1 << 20)
#define COUNT(array) (sizeof(array) / sizeof *(array))

static int is_aligned(const void *block, size_t align) { return block && (uintptr_t)block % align == 0; }

static void too_large_fails_and_changes_nothing(void) {
    const size_t sizes[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX,       SIZE_MAX - 1,    SIZE_MAX - 15, SIZE_MAX - 4095,
                            SIZE_MAX - 65535,        (size_t)1 << 63, (size_t)1 << 62, (size_t)1 << 47};
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        size_t n = sizes[i];
        FAILS(m(n), ENOMEM);
        FAILS(c(1, n), ENOMEM);
        FAILS(c(n, 1), ENOMEM);
        FAILS(r(NULL, n), ENOMEM);
        FAILS(ra(NULL, n, 1), ENOMEM);
        FAILS(ra(NULL, 1, n), ENOMEM);
        FAILS(va(n), ENOMEM);
        FAILS(pv(n), ENOMEM);
        FAILS(ma(64, n), ENOMEM);
        FAILS(ma(MIB, n), ENOMEM);
        FAILS(aa(64, n), ENOMEM);
        void *untouched = &wrong;
        IS(pm(&untouched, 64, n) == ENOMEM);
        IS(untouched == &wrong);
        for (size_t small = 100; small <= 10 * MIB; small *= 100 * 1024) {
            char *block = m(small);
            memset(block, 7, small);
            FAILS(r(block, n), ENOMEM);
            FAILS(ra(block, n, 2), ENOMEM);
            IS(block[0] == 7 && block[small - 1] == 7);
            f(block);
        }
    }
}

static void products_that_overflow_fail(void) {
    FAILS(c(SIZE_MAX / 2, 3), ENOMEM);
    FAILS(c((size_t)1 << 32, (size_t)1 << 32), ENOMEM);
    FAILS(c(SIZE_MAX, SIZE_MAX), ENOMEM);
    FAILS(ra(NULL, (size_t)1 << 33, (size_t)1 << 33), ENOMEM);
    void *block = m(10);
    FAILS(ra(block, SIZE_MAX / 2, 3), ENOMEM);
    f(block);
    FAILS(pv(SIZE_MAX), ENOMEM);
    FAILS(pv(SIZE_MAX - 4094), ENOMEM);
    FAILS(pv((size_t)PTRDIFF_MAX + 2), ENOMEM);
}

static void nothing_is_a_size(void) {
    void *one = m(0), *other = m(0);
    IS(one && other && one != other);
    f(one);
    f(other);
    f(c(0, 10));
    f(c(10, 0));
    IS((one = c(0, 0)));
    f(one);
    IS((one = r(NULL, 0)));
    f(one);
    IS(is_aligned(one = ma(4096, 0), 4096));
    f(one);
    IS(is_aligned(one = aa(64, 0), 64));
    f(one);
    IS(is_aligned(one = va(0), 4096));
    f(one);
    IS(is_aligned(one = pv(0), 4096));
    f(one);
    IS(pm(&one, 64, 0) == 0 && is_aligned(one, 64));
    f(one);
    // To nothing, realloc frees.
    errno = 77;
    IS(r(m(10), 0) == NULL);
    IS(ra(m(10), 0, 10) == NULL);
    f(NULL);
    IS(us(NULL) == 0);
    IS(errno == 77);
}

static void alignments_are_checked_as_documented(void) {
    const size_t bad[] = {0, 1, 2, 4, 3, 7, 9, 12, 24, 48, 100, SIZE_MAX, ((size_t)1 << 63) + 8};
    for (unsigned i = 0; i < COUNT(bad); i++) {
        void *untouched = &wrong;
        errno = 77;
        IS(pm(&untouched, bad[i], 8) == EINVAL);
        IS(untouched == &wrong && errno == 77);
    }
    // memalign rounds up to a power of two.
    void *block;
    IS(is_aligned(block = ma(48, 100), 64));
    f(block);
    IS(is_aligned(block = ma(0, 10), 16));
    f(block);
    IS(is_aligned(block = ma(1, 10), 16));
    f(block);
    FAILS(ma(((size_t)1 << 63) + 1, 1), EINVAL);
    // Wider than any heap: no crash, and no block that is not so aligned.
    for (int bits = 30; bits < 64; bits++) {
        size_t align = (size_t)1 << bits;
        errno = 0;
        IS((block = ma(align, 1)) ? is_aligned(block, align) : errno == ENOMEM || errno == EINVAL);
        f(block);
        errno = 0;
        IS((block = aa(align, 1)) ? is_aligned(block, align) : errno == ENOMEM || errno == EINVAL);
        f(block);
        block = NULL;
        IS(pm(&block, align, 1) == 0 ? is_aligned(block, align) : block == NULL);
        f(block);
    }
}

static void every_alignment_holds_for_every_size(void) {
    for (size_t align = 8; align <= 64 * MIB; align *= 2)
        for (size_t n = 1; n < 200000; n = n * 7 + 1) {
            void *block;
            IS(pm(&block, align, n) == 0 && is_aligned(block, align) && us(block) >= n);
            memset(block, 1, n);
            f(block);
            IS(is_aligned(block = aa(align, n), align));
            f(block);
            IS(is_aligned(block = ma(align, n), align));
            IS((block = r(block, n * 2 + 1)));
            f(block);
        }
    void *block = pv(1);
    IS(is_aligned(block, 4096) && us(block) >= 4096);
    f(block);
    block = pv(4097);
    IS(is_aligned(block, 4096) && us(block) >= 8192);
    f(block);
}

static void errno_stays_when_nothing_fails(void) {
    errno = 77;
    for (size_t n = 1; n < 64 * MIB; n = n * 3 + 1) {
        void *one = m(n), *other = c(1, n);
        one = r(one, n * 2);
        one = r(one, n / 2 + 1);
        f(one);
        f(other);
        IS(pm(&one, 64, n) == 0);
        f(one);
        f(aa(64, n));
    }
    IS(errno == 77);
}

static void usable_bytes_are_the_callers(void) {
    for (size_t n = 0; n < 300000; n += 1 + n / 50) {
        unsigned char *one = m(n), *zero = c(1, n);
        IS(us(one) >= n && is_aligned(one, 16));
        memset(one, 0xff, us(one));
        size_t clear = 0;
        while (clear < n && zero[clear] == 0) clear++;
        IS(clear == n);
        memset(zero, 0xff, us(zero));
        // What was written to the usable part beyond the size asked for is kept by realloc, as glibc keeps it.
        size_t usable = us(one);
        one = r(one, usable * 2);
        IS(usable == 0 || one[usable - 1] == 0xff);
        f(one);
        f(zero);
    }
}

static void growing_and_shrinking_keep_the_bytes(void) {
    unsigned char *block = m(2);
    size_t n = 2;
    block[0] = 42;
    block[1] = 1;
    while (n < 200 * MIB) {
        size_t larger = n * 5 / 4 + 1;
        block = r(block, larger);
        IS(block && block[0] == 42 && block[n - 1] == 1);
        n = larger;
        block[n - 1] = 1;
    }
    while (n > 2) {
        n = n * 3 / 4;
        block[n - 1] = 1;
        block[0] = 42;
        block = r(block, n);
        IS(block && block[0] == 42 && (n < 2 || block[n - 1] == 1));
    }
    f(block);
}

static void its_own_account_is_given(void) {
    void *block = m(3 * MIB);
    struct mallinfo2 info = mallinfo2();
    IS(info.uordblks + info.hblkhd >= 3 * MIB);
    IS(info.uordblks + info.hblkhd < 64 * MIB);
    f(block);
    IS(mallopt(M_MMAP_THRESHOLD, 100000) == 1);
    malloc_trim(0);
    FILE *nowhere = fopen("/dev/null", "w");
    IS(malloc_info(0, nowhere) == 0);
    IS(malloc_info(1, nowhere) != 0);
    fclose(nowhere);
}

int main(void) {
    too_large_fails_and_changes_nothing();
    products_that_overflow_fail();
    nothing_is_a_size();
    alignments_are_checked_as_documented();
    every_alignment_holds_for_every_size();
    errno_stays_when_nothing_fails();
    usable_bytes_are_the_callers();
    growing_and_shrinking_keep_the_bytes();
    its_own_account_is_given();
    return wrong != 0;
}
