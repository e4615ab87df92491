// Sessions are in one list.
#include <stdio.h>

struct session {
    unsigned int id;
    struct session *next;
};

struct session *sessions;

int main(void) {
    int count = 0;
    for (struct session *session = sessions; session; session = session->next)
        count++;
    printf("%d\n", count);
    return 0;
}
