// In the next release they are in a hash table.
#include <stdio.h>

struct session {
    unsigned int id;
    struct session *next; // of the same bucket
};

struct session *buckets[64];

__attribute__((noinline)) void session_add(struct session *session) {
    struct session **bucket = &buckets[session->id * 2654435761u >> 26];
    session->next = *bucket;
    *bucket = session;
}

int main(int argc, char **argv) {
    static struct session first;
    (void)argv;
    first.id = (unsigned int)argc;
    session_add(&first);
    printf("%d\n", buckets[0] != NULL);
    return 0;
}
