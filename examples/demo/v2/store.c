#define _GNU_SOURCE
#include "store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

#include "clock.h"
#include "memory.h"

enum { BUCKETS = 1024 };

static struct {
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
    struct link recent;
    struct link timers;
    size_t max_entries;
    int alarm_fd;
    int64_t alarm_ms; /* what the alarm is set to; 0: not set */
    struct store_counts counts;
} store = { .lock = PTHREAD_MUTEX_INITIALIZER };

void store_open(size_t max_entries, int alarm_fd)
{
    link_init(&store.recent);
    link_init(&store.timers);
    store.max_entries = max_entries;
    store.alarm_fd = alarm_fd;
}

void store_close(void)
{
    while (!link_alone(&store.recent))
        store_remove(CONTAINER_OF(store.recent.next, struct entry, recent));
}

void store_lock(void)
{
    pthread_mutex_lock(&store.lock);
}

void store_unlock(void)
{
    pthread_mutex_unlock(&store.lock);
}

/* FNV-1a. (Release 1 had Bernstein's times 33, to which "Az" and "BY" are the same.) */
static uint32_t hash_of(const char *key)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * UINT32_C(16777619);
    return hash;
}

static struct entry **bucket_of(uint32_t hash)
{
    return &store.buckets[hash % BUCKETS];
}

/* Sets the alarm to the soonest deadline, if it is not there already. */
static void set_alarm(void)
{
    if (link_alone(&store.timers))
        return; /* an alarm that is still set finds nothing to expire, and no harm is done */
    int64_t soonest_ms = CONTAINER_OF(store.timers.next, struct entry, timer)->deadline_ms;
    if (soonest_ms == store.alarm_ms)
        return;

    struct itimerspec when = {
        .it_value = { .tv_sec = soonest_ms / 1000, .tv_nsec = soonest_ms % 1000 * 1000000 },
    };
    if (timerfd_settime(store.alarm_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        die("cannot set the alarm: %s", strerror(errno));
    store.alarm_ms = soonest_ms;
}

void store_remove(struct entry *entry)
{
    struct entry **place = bucket_of(entry->hash);
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;

    link_remove(&entry->recent);
    link_remove(&entry->timer);
    store.counts.entries--;
    value_clear(&entry->value);
    free(entry->key);
    free(entry);
}

static void make_most_recent(struct entry *entry)
{
    link_remove(&entry->recent);
    link_insert_after(&store.recent, &entry->recent);
}

static struct entry *find(const char *key, uint32_t hash)
{
    for (struct entry *entry = *bucket_of(hash); entry != NULL; entry = entry->next) {
        if (entry->hash != hash || strcmp(entry->key, key) != 0)
            continue;
        if (entry->deadline_ms != 0 && entry->deadline_ms <= clock_ms()) {
            /* The alarm has not been heard yet, but a client must never see what is over. */
            store_remove(entry);
            store.counts.expired++;
            return NULL;
        }
        make_most_recent(entry);
        return entry;
    }
    return NULL;
}

struct entry *store_find(const char *key)
{
    struct entry *entry = find(key, hash_of(key));
    if (entry != NULL)
        store.counts.hits++;
    else
        store.counts.misses++;
    return entry;
}

struct entry *store_find_or_add(const char *key)
{
    uint32_t hash = hash_of(key);
    struct entry *entry = find(key, hash);
    if (entry != NULL)
        return entry;

    if (store.counts.entries == store.max_entries) {
        store_remove(CONTAINER_OF(store.recent.prev, struct entry, recent));
        store.counts.evicted++;
    }
    entry = xmalloc(sizeof *entry);
    *entry = (struct entry){
        .key = xstrdup(key),
        .next = *bucket_of(hash),
        .hash = hash,
    };
    *bucket_of(hash) = entry;
    link_insert_after(&store.recent, &entry->recent);
    link_init(&entry->timer);
    store.counts.entries++;
    return entry;
}

void store_set_deadline(struct entry *entry, int64_t deadline_ms)
{
    link_remove(&entry->timer);
    entry->deadline_ms = deadline_ms;
    if (deadline_ms == 0)
        return;

    /* From the end, since a deadline set now is mostly later than those set before. */
    struct link *place = store.timers.prev;
    while (place != &store.timers && CONTAINER_OF(place, struct entry, timer)->deadline_ms > deadline_ms)
        place = place->prev;
    link_insert_after(place, &entry->timer);
    set_alarm();
}

size_t store_expire(void)
{
    int64_t now_ms = clock_ms();
    size_t expired = 0;
    while (!link_alone(&store.timers)) {
        struct entry *soonest = CONTAINER_OF(store.timers.next, struct entry, timer);
        if (soonest->deadline_ms > now_ms)
            break;
        store_remove(soonest);
        expired++;
    }
    store.counts.expired += expired;
    store.alarm_ms = 0; /* it has gone off */
    set_alarm();
    return expired;
}

struct store_counts store_counts(void)
{
    return store.counts;
}
