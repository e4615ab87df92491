// Values of a store, as redis has them: a tag says which member of the union counts.
#include <stdio.h>

enum kind { KIND_NUMBER, KIND_TEXT, KIND_LIST };

struct list {
    struct list *next;
};

struct value {
    enum kind kind;
    union {
        int number;
        char *text;
        struct list list;
    } as;
};

struct value values[4];

int main(void) {
    printf("%d\n", values[0].kind == KIND_NUMBER ? values[0].as.number : 0);
    return values[1].kind == KIND_LIST && values[1].as.list.next;
}
