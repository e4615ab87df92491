/* What a key can hold: a text, a number, a list of texts; or nothing, while it is being made. */
#pragma once

#include <stdint.h>
#include <stddef.h>

enum value_kind {
    VALUE_NONE, /* so that a zeroed value is nothing, and not a text at address 0 */
    VALUE_TEXT,
    VALUE_NUMBER,
    VALUE_LIST,
};

struct text_node {
    struct text_node *next;
    char text[];
};

struct text_list {
    struct text_node *first;
    struct text_node *last;
    size_t length;
};

struct value {
    enum value_kind kind; /* which member of `as` is the one in use */
    union {
        char *text; /* of its own on the heap */
        int64_t number;
        struct text_list list;
    } as;
};

/* Each of the first three drops what the value held before. */
void value_set_text(struct value *value, const char *text);
void value_set_number(struct value *value, int64_t number);
void value_set_empty_list(struct value *value);
void value_push(struct value *list, const char *text);
void value_clear(struct value *value); /* leaves VALUE_NONE */
