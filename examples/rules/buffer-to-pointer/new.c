// The next release allocates it, so that names may be longer.
#include <stdio.h>

struct session {
    int id;
    char *host;
    unsigned int host_size;
};

struct session sessions[4];

int main(void) {
    puts(sessions[0].host ? sessions[0].host : "");
    return 0;
}
