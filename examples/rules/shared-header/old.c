// Workers share a segment: a header, then a score for each of them.
#include <stdio.h>

struct header {
    unsigned int version;
    unsigned int workers;
};

struct score {
    unsigned long requests;
    int pid;
};

struct segment {
    struct header header;
    struct score scores[4];
};

struct segment *segment;

int main(void) {
    printf("%d\n", segment ? segment->scores[0].pid : 0);
    return 0;
}
