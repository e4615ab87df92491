// What a session is weighed by is a function of a library, of which the new process has another version.
int weight_of(int length);

struct session {
    int (*weigh)(int length);
    long weight;
    struct session *next;
};

struct session *sessions;
int (*usual)(int length);
int next_length;

void start(void) {
    usual = weight_of;
    next_length = 3;
}

void serve(void) {
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        abort();
    }
    session->weigh = usual;
    session->next = sessions;
    sessions = session;
    for (session = sessions; session; session = session->next) {
        session->weight += session->weigh(next_length++);
    }
}

void show(void) {
    for (struct session *session = sessions; session; session = session->next) {
        say("weight %ld\n", session->weight);
    }
}
