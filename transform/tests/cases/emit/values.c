// Values that are made from a seed and the number of what is set.
#define MADE static __attribute__((unused))
// Not to be compiled once for each of its callers: that is most of what an optimising compiler has to do here.
#define TOLD static __attribute__((unused, noinline))

TOLD uint64_t mix(uint64_t seed, unsigned number) {
    uint64_t value = (seed + 1) * 0x9e3779b97f4a7c15u + (number + 1) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

// One of three is.
TOLD int due(uint64_t seed, unsigned number) {
    return mix(seed, number + 1000) % 3 == 0;
}

// From `least` on, `span` numbers more: often the first or the last.
TOLD long pick(uint64_t seed, unsigned number, long least, unsigned long span) {
    uint64_t value = mix(seed, number);
    unsigned long more = (value >> 2) % (span == ~0ul ? span : span + 1);
    if (value % 4 == 0) {
        more = 0;
    } else if (value % 4 == 1) {
        more = span;
    }
    return (long)((unsigned long)least + more);
}

TOLD void letters(char *to, unsigned long room, unsigned most, uint64_t seed, unsigned number) {
    unsigned count = (unsigned)pick(seed, number, 0, most);
    memset(to, 0, room);
    for (unsigned at = 0; at < count; at++) {
        to[at] = (char)('a' + mix(seed, number + at) % 26);
    }
}

// Even a program that has nothing has a heap.
char *first_block;

MADE void make_first_block(void) {
    first_block = calloc(1, 16);
    if (!first_block) {
        abort();
    }
}
