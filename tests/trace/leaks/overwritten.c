// A variable that is written to again and again, and its last value.
//
// lost: direct make 99 3168
#include "leak.h"

struct report {
    long line;
    double value[3];
};

struct report *last;

APART struct report *make(long line)
{
    struct report *report = malloc(sizeof *report);
    report->line = line;
    report->value[0] = report->value[1] = report->value[2] = 0.5;
    return report;
}

int main(void)
{
    for (long line = 0; line < 100; line++)
        last = make(line);
    look();
    return last == NULL;
}
