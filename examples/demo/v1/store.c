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
    struct item *buckets[BUCKETS];
    struct link recent;
    struct link timers;
    size_t max_items;
    int alarm_fd;
    int64_t alarm_ms; /* what the alarm is set to; 0: not set */
    struct store_counts counts;
} store = { .lock = PTHREAD_MUTEX_INITIALIZER };

void store_open(size_t max_items, int alarm_fd)
{
    link_init(&store.recent);
    link_init(&store.timers);
    store.max_items = max_items;
    store.alarm_fd = alarm_fd;
}

void store_close(void)
{
    while (!link_alone(&store.recent))
        store_remove(CONTAINER_OF(store.recent.next, struct item, recent));
}

void store_lock(void)
{
    pthread_mutex_lock(&store.lock);
}

void store_unlock(void)
{
    pthread_mutex_unlock(&store.lock);
}

/* Bernstein's times 33. */
static uint32_t hash_of(const char *key)
{
    uint32_t hash = 5381;
    for (; *key != '\0'; key++)
        hash = hash * 33 + (unsigned char)*key;
    return hash;
}

static struct item **bucket_of(uint32_t hash)
{
    return &store.buckets[hash % BUCKETS];
}

/* Sets the alarm to the soonest deadline, if it is not there already. */
static void set_alarm(void)
{
    if (link_alone(&store.timers))
        return; /* an alarm that is still set finds nothing to expire, and no harm is done */
    int64_t soonest_ms = CONTAINER_OF(store.timers.next, struct item, timer)->deadline_ms;
    if (soonest_ms == store.alarm_ms)
        return;

    struct itimerspec when = {
        .it_value = { .tv_sec = soonest_ms / 1000, .tv_nsec = soonest_ms % 1000 * 1000000 },
    };
    if (timerfd_settime(store.alarm_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        die("cannot set the alarm: %s", strerror(errno));
    store.alarm_ms = soonest_ms;
}

void store_remove(struct item *item)
{
    struct item **place = bucket_of(item->hash);
    while (*place != item)
        place = &(*place)->next;
    *place = item->next;

    link_remove(&item->recent);
    link_remove(&item->timer);
    store.counts.items--;
    value_clear(&item->value);
    free(item->key);
    free(item);
}

static void make_most_recent(struct item *item)
{
    link_remove(&item->recent);
    link_insert_after(&store.recent, &item->recent);
}

static struct item *find(const char *key, uint32_t hash)
{
    for (struct item *item = *bucket_of(hash); item != NULL; item = item->next) {
        if (item->hash != hash || strcmp(item->key, key) != 0)
            continue;
        if (item->deadline_ms != 0 && item->deadline_ms <= clock_ms()) {
            /* The alarm has not been heard yet, but a client must never see what is over. */
            store_remove(item);
            store.counts.expired++;
            return NULL;
        }
        make_most_recent(item);
        return item;
    }
    return NULL;
}

struct item *store_find(const char *key)
{
    struct item *item = find(key, hash_of(key));
    if (item != NULL)
        store.counts.hits++;
    else
        store.counts.misses++;
    return item;
}

struct item *store_find_or_add(const char *key)
{
    uint32_t hash = hash_of(key);
    struct item *item = find(key, hash);
    if (item != NULL)
        return item;

    if (store.counts.items == store.max_items) {
        store_remove(CONTAINER_OF(store.recent.prev, struct item, recent));
        store.counts.evicted++;
    }
    item = xmalloc(sizeof *item);
    *item = (struct item){
        .next = *bucket_of(hash),
        .hash = hash,
        .key = xstrdup(key),
        .value = { .kind = VALUE_NUMBER },
    };
    *bucket_of(hash) = item;
    link_insert_after(&store.recent, &item->recent);
    link_init(&item->timer);
    store.counts.items++;
    return item;
}

void store_set_deadline(struct item *item, int64_t deadline_ms)
{
    link_remove(&item->timer);
    item->deadline_ms = deadline_ms;
    if (deadline_ms == 0)
        return;

    /* From the end, since a deadline set now is mostly later than those set before. */
    struct link *place = store.timers.prev;
    while (place != &store.timers && CONTAINER_OF(place, struct item, timer)->deadline_ms > deadline_ms)
        place = place->prev;
    link_insert_after(place, &item->timer);
    set_alarm();
}

size_t store_expire(void)
{
    int64_t now_ms = clock_ms();
    size_t expired = 0;
    while (!link_alone(&store.timers)) {
        struct item *soonest = CONTAINER_OF(store.timers.next, struct item, timer);
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
