// A program that grows in steps: each line of its input is one. It prints the number of the step when it is done.
//
// In each step a hundred sessions with a buffer each are begun and never ended, a hundred requests are made and freed, and ten of a
// hundred jobs are replaced by new ones. In the first step a cache is filled, too.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef NEXT_RELEASE
// Everything is somewhere else in it.
long version = 2;
#endif

struct buffer {
    size_t length;
    char bytes[40];
};

struct session {
    struct session *next;
    struct buffer *buffer;
    long number;
#ifdef NEXT_RELEASE
    long since;
#endif
};

struct job {
    long number;
    double weight;
};

struct entry {
    struct entry *left, *right;
    int key;
};

static struct {
    struct session *sessions;
    struct job *jobs[100];
    struct entry *cache;
} server;

static struct session *__attribute__((noinline)) begin_session(long number)
{
    struct session *session = calloc(1, sizeof *session);
    session->buffer = calloc(1, sizeof *session->buffer);
    session->number = number;
    session->next = server.sessions;
    server.sessions = session;
    return session;
}

static void __attribute__((noinline)) serve_request(long number)
{
    char *volatile request = malloc(64 + number % 100);
    request[0] = 1;
    free(request);
}

static struct job *make_job(long number)
{
    struct job *job = malloc(sizeof *job);
    job->number = number;
    job->weight = 1.5;
    return job;
}

static struct entry *insert(struct entry *tree, int key)
{
    if (!tree) {
        tree = calloc(1, sizeof *tree);
        tree->key = key;
    } else if (key < tree->key) {
        tree->left = insert(tree->left, key);
    } else {
        tree->right = insert(tree->right, key);
    }
    return tree;
}

int main(void)
{
    char line[100];
    for (int number = 0; number < 100; number++)
        server.jobs[number] = make_job(number);
    printf("0\n");
    fflush(stdout);
    for (int step = 1; fgets(line, sizeof line, stdin); step++) {
        for (int number = 0; number < 100; number++) {
            begin_session(number);
            serve_request(number);
        }
        // New ones first, or they would be where the old ones were.
        for (int number = 0; number < 10; number++) {
            struct job *old = server.jobs[number];
            server.jobs[number] = make_job(number);
            free(old);
        }
        for (int key = 0; step == 1 && key < 500; key++)
            server.cache = insert(server.cache, key * 7919 % 1000);
        printf("%d\n", step);
        fflush(stdout);
    }
    return 0;
}
