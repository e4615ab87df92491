// In the next release numbers are wider, lists know their length, and a kind has come in between.
#include <stdio.h>

enum kind { KIND_NUMBER, KIND_REAL, KIND_TEXT, KIND_LIST };

struct list {
    unsigned long length;
    struct list *next;
};

struct value {
    enum kind kind;
    union {
        long number;
        double real;
        char *text;
        struct list list;
    } as;
};

struct value values[4];

int main(void) {
    printf("%ld\n", values[0].kind == KIND_NUMBER ? values[0].as.number : 0);
    return values[1].kind == KIND_LIST && values[1].as.list.next;
}
