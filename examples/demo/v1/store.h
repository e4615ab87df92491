/*
 * The keys and what they hold, shared by all sessions.
 *
 *   buckets[hash] -> item -> item -> ...      chained through item.next
 *   recent        <-> item <-> item <-> ...   ring through item.recent, the last used first
 *   timers        <-> item <-> item <-> ...   ring through item.timer, the soonest deadline first
 *
 * One mutex guards all of it. Callers hold it across every call below but the first two, and for as long as they look
 * into an item.
 */
#pragma once

#include <stdint.h>

#include "list.h"
#include "value.h"

struct item {
    struct item *next;
    uint32_t hash;
    int64_t deadline_ms; /* when it expires; 0: never, and then `timer` is on no ring */
    struct link recent;
    struct link timer;
    char *key;
    struct value value;
};

struct store_counts {
    size_t items;
    unsigned long hits;
    unsigned long misses;
    unsigned long evicted;
    unsigned long expired;
};

/* `alarm_fd` is a timerfd: it becomes readable when the soonest deadline is over, and store_expire is due. */
void store_open(size_t max_items, int alarm_fd);
void store_close(void);

void store_lock(void);
void store_unlock(void);

struct item *store_find(const char *key);        /* NULL if there is none; makes it the last used */
struct item *store_find_or_add(const char *key); /* a new one holds the number 0; may evict the least recently used */
void store_remove(struct item *item);
void store_set_deadline(struct item *item, int64_t deadline_ms);
size_t store_expire(void); /* how many items were over */
struct store_counts store_counts(void);
