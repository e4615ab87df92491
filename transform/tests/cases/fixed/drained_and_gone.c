// The new release has no such type any more, and the rules wait until none of its objects lives: by now none does.
#if !NEW
struct request {
    int id;
    struct request *next;
};

struct request *requests;
#endif

int served;
char *note;

void start(void) {
    note = calloc(1, 16);
    if (!note) {
        abort();
    }
    served = 0;
}

void serve(void) {
#if !NEW
    for (int id = 0; id < 3; id++) {
        struct request *request = calloc(1, sizeof *request);
        if (!request) {
            abort();
        }
        request->id = id;
        request->next = requests;
        requests = request;
    }
    while (requests) {
        struct request *next = requests->next;
        free(requests);
        requests = next;
    }
#endif
    served += 3;
}
