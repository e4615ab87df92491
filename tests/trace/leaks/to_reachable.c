// Lost blocks that point to what is held: that stays held.
//
// lost: direct make_view 3 48
#include "leak.h"

struct data {
    long number[8];
};

struct view {
    struct data *data;
    long from;
};

struct data *data;

APART struct data *make_data(void)
{
    return calloc(1, sizeof(struct data));
}

APART struct view *make_view(long from)
{
    struct view *view = malloc(sizeof *view);
    view->data = data;
    view->from = from;
    return view;
}

APART void lose(void)
{
    for (long from = 0; from < 3; from++) {
        struct view *volatile view = make_view(from);
        (void)view;
    }
}

int main(void)
{
    data = make_data();
    lose();
    look();
    return data == NULL;
}
