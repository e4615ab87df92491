// Pointers into the middle of buffers, and none to where they begin.
//
// lost: possibly make_buffer 1 64
// lost: possibly make_named 1 16
// lsan: nothing
// because: for LeakSanitizer a pointer into the middle is as good as one to the start
#include "leak.h"

struct named {
    char *name;
    long length;
};

char *cursor;

APART struct named *make_named(void)
{
    struct named *named = malloc(sizeof *named);
    named->name = NULL;
    named->length = 0;
    return named;
}

APART char *make_buffer(struct named *named)
{
    char *buffer = calloc(1, 64);
    memcpy(buffer + 40, &named, sizeof named);
    return buffer;
}

int main(void)
{
    // What a block holds that is possibly lost is no better off.
    cursor = make_buffer(make_named()) + 20;
    look();
    return *cursor;
}
