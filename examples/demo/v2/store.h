/*
 * The keys and what they hold, shared by all sessions.
 *
 *   buckets[hash] -> entry -> entry -> ...      chained through entry.next
 *   recent        <-> entry <-> entry <-> ...   ring through entry.recent, the last used first
 *   timers        <-> entry <-> entry <-> ...   ring through entry.timer, the soonest deadline first
 *
 * One mutex guards all of it. Callers hold it across every call below but the first two, and for as long as they look
 * into an entry.
 */
#pragma once

#include <stdint.h>

#include "list.h"
#include "value.h"

struct entry {
    char *key; /* looked at first when a chain is searched, so it comes first, with the next two in its cache line */
    struct entry *next;
    uint32_t hash;
    struct value value;
    uint64_t revision; /* how often the value was changed; for INFO */
    struct link recent;
    struct link timer;
    int64_t deadline_ms; /* when it expires; 0: never, and then `timer` is on no ring */
};

struct store_counts {
    size_t entries;
    unsigned long hits;
    unsigned long misses;
    unsigned long evicted;
    unsigned long expired;
};

/* `alarm_fd` is a timerfd: it becomes readable when the soonest deadline is over, and store_expire is due. */
void store_open(size_t max_entries, int alarm_fd);
void store_close(void);

void store_lock(void);
void store_unlock(void);

struct entry *store_find(const char *key);        /* NULL if there is none; makes it the last used */
struct entry *store_find_or_add(const char *key); /* a new one holds VALUE_NONE; may evict the least recently used */
void store_remove(struct entry *entry);
void store_set_deadline(struct entry *entry, int64_t deadline_ms);
size_t store_expire(void); /* how many entries were over */
struct store_counts store_counts(void);
