// A list that runs through a member of its items.
//
// lost: nothing
// strictly: possibly make_item 5 200
// memcheck: possibly make_item 5 200
// because: memcheck knows no types; with them, a pointer to a member says where its object begins
#include "leak.h"

struct link {
    struct link *next;
};

struct item {
    long key;
    double value;
    struct link link;
    long number[2];
};

struct link *items;

APART struct item *make_item(long key)
{
    struct item *item = malloc(sizeof *item);
    item->key = key;
    item->value = 1.5;
    item->link.next = items;
    item->number[0] = item->number[1] = key;
    return item;
}

int main(void)
{
    for (long key = 0; key < 5; key++)
        items = &make_item(key)->link;
    look();
    return items == NULL;
}
