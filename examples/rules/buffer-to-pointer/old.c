// A session keeps its client's name in itself.
#include <stdio.h>

struct session {
    int id;
    char host[32];
};

struct session sessions[4];

int main(void) {
    puts(sessions[0].host);
    return 0;
}
