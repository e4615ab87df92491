// A server that forks for each session, and serves it in the same program: first for who it is, then what is wanted.
#include <stdio.h>

struct session {
    int fd;
    int user;
};

__attribute__((noinline)) void authenticate(struct session *session) {
    printf("%d\n", session->fd);
}

__attribute__((noinline)) void serve(struct session *session) {
    printf("%d\n", session->user);
}

int main(void) {
    struct session session = {0, 0};
    authenticate(&session);
    serve(&session);
    return 0;
}
