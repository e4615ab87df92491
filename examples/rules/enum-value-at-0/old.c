// Requests have a state.
#include <stdio.h>

enum state { STATE_READING, STATE_WRITING, STATE_DONE };

struct request {
    enum state state;
    enum state history[2];
    unsigned char last; // the state before, kept in a byte
};

struct request current;

int main(void) {
    printf("%d %d\n", current.state == STATE_DONE, current.last);
    return 0;
}
