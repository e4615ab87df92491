// The next release has a state before all others, so that each of the old ones has another number.
#include <stdio.h>

enum state { STATE_CONNECTING, STATE_READING, STATE_WRITING, STATE_DONE };

struct request {
    enum state state;
    enum state history[2];
    unsigned char last;
};

struct request current;

int main(void) {
    printf("%d %d\n", current.state == STATE_DONE, current.last);
    return 0;
}
