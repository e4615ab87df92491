// The next release has a program for each: `server` listens, `server-auth` finds out who it is, `server-session` serves.
// This is the third of them.
#include <stdio.h>

struct session {
    int fd;
    int user;
    int is_authenticated;
};

__attribute__((noinline)) void serve(struct session *session) {
    printf("%d %d\n", session->user, session->is_authenticated);
}

int main(void) {
    struct session session = {0, 0, 1};
    serve(&session);
    return 0;
}
