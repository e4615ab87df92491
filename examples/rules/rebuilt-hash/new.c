// The next release hashes otherwise: an entry that stays where it is would never be found again.
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
    return key * 2654435761u >> 28;
}

__attribute__((noinline)) void table_rehash(struct table *table) {
    struct entry *all = NULL;
    for (int i = 0; i < 16; i++)
        while (table->buckets[i]) {
            struct entry *entry = table->buckets[i];
            table->buckets[i] = entry->next;
            entry->next = all;
            all = entry;
        }
    while (all) {
        struct entry *entry = all;
        all = entry->next;
        entry->next = table->buckets[hash(entry->key)];
        table->buckets[hash(entry->key)] = entry;
    }
}

int main(void) {
    table_rehash(&table);
    printf("%u\n", table.count);
    return 0;
}
