// The next release has a program for each: `server` listens, `server-auth` finds out who it is, `server-session` serves.
// Here all of their code is in one file.
#include <stdio.h>

struct session {
    int fd;
    int user;
    int is_authenticated;
};

__attribute__((noinline)) void serve(struct session *session) {
    printf("%d %d\n", session->user, session->is_authenticated);
}

__attribute__((noinline)) void authenticate(struct session *session) {
    printf("%d\n", session->fd);
}

int main(void) {
    struct session session = {0, 0, 1};
    authenticate(&session);
    serve(&session);
    return 0;
}
