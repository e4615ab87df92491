// Types that are rarely thought of: truth values, tables of tables, structures without names, pointers to pointers.
#include <stdbool.h>

struct corner {
    bool is_open;
    signed char low;
    short table[2][3];
    struct {
        int x;
        int y;
    };
    struct {
        unsigned char red, green;
    } colours[2];
#if NEW
    double before;
#endif
    struct corner **place;
    const char *names[2];
    void (*handlers[2])(int);
    long double precise;
};

struct corner *corners[8];
struct corner **current;

void on_one(int value);
void on_two(int value);

void on_one(int value) {
    corners[0]->x += value;
}

void on_two(int value) {
    corners[0]->y += value;
}

static int calls;

static void next(int seed) {
    struct corner *corner = calloc(1, sizeof *corner);
    if (!corner) {
        abort();
    }
    corners[calls] = corner;
    corner->is_open = seed % 2;
    corner->low = (signed char)-seed;
    corner->table[1][2] = (short)seed;
    corner->x = seed;
    corner->y = -seed;
    corner->colours[1].red = (unsigned char)seed;
    corner->place = &corners[calls];
    corner->names[seed % 2] = seed % 3 ? "name" : "other name";
    corner->handlers[0] = on_one;
    corner->handlers[1] = seed % 2 ? on_two : NULL;
    corner->precise = seed / 7.0L;
#if NEW
    corner->before = 3;
#endif
    current = &corners[calls];
    calls++;
}

void start(void) {
    next(1);
    next(2);
}

void serve(void) {
    next(3);
    next(4);
    corners[0]->colours[0].green = 77;
    corners[1]->is_open = true;
    corners[1]->place = corners[2]->place;
}
