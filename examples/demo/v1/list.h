/*
 * Doubly linked rings whose links are embedded in what they link. A ring has a head that belongs to no element, so that
 * inserting and removing never asks whether the ring is empty. An element that is on no ring points to itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev;
    struct link *next;
};

/* The structure that `link` is the member `member` of. */
#define CONTAINER_OF(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

static inline void link_init(struct link *link)
{
    link->prev = link;
    link->next = link;
}

static inline bool link_alone(const struct link *link)
{
    return link->next == link;
}

static inline void link_insert_after(struct link *place, struct link *link)
{
    link->prev = place;
    link->next = place->next;
    place->next->prev = link;
    place->next = link;
}

static inline void link_remove(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link_init(link);
}
