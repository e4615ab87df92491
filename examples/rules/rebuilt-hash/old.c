// A hash table.
#include <stdio.h>

struct entry {
    unsigned int key;
    struct entry *next;
};

struct table {
    struct entry *buckets[16];
    unsigned int count;
};

struct table table;

__attribute__((noinline)) static unsigned int hash(unsigned int key) {
    return key % 16;
}

int main(int argc, char **argv) {
    (void)argv;
    printf("%d\n", table.buckets[hash((unsigned int)argc)] != NULL);
    return 0;
}
