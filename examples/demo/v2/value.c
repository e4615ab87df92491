#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

void value_clear(struct value *value)
{
    switch (value->kind) {
    case VALUE_TEXT:
        free(value->as.text);
        break;
    case VALUE_NONE:
    case VALUE_NUMBER:
        break;
    case VALUE_LIST:
        while (value->as.list.first != NULL) {
            struct text_node *node = value->as.list.first;
            value->as.list.first = node->next;
            free(node);
        }
        break;
    }
    *value = (struct value){ .kind = VALUE_NONE };
}

void value_set_text(struct value *value, const char *text)
{
    value_clear(value);
    value->kind = VALUE_TEXT;
    value->as.text = xstrdup(text);
}

void value_set_number(struct value *value, int64_t number)
{
    value_clear(value);
    value->kind = VALUE_NUMBER;
    value->as.number = number;
}

void value_set_empty_list(struct value *value)
{
    value_clear(value);
    value->kind = VALUE_LIST;
    value->as.list = (struct text_list){ 0 };
}

void value_push(struct value *value, const char *text)
{
    struct text_list *list = &value->as.list;
    size_t size = strlen(text) + 1;
    struct text_node *node = xmalloc(sizeof *node + size);
    memcpy(node->text, text, size);
    node->next = NULL;
    if (list->last == NULL)
        list->first = node;
    else
        list->last->next = node;
    list->last = node;
    list->length++;
}
