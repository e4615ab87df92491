// Pointers into objects that grow: to members, to elements, to a link that is embedded.
struct link {
    struct link *next;
};

struct job {
#if NEW
    long started;
#endif
    int id;
    int steps[4];
    struct link link;
    int *current;
    int *foreign;
};

struct job *jobs[8];
struct link *queue;
int *watched;
int spare[4];

static void add(int id) {
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        abort();
    }
#if NEW
    job->started = 1;
#endif
    job->id = id;
    job->steps[id % 4] = id;
    job->current = &job->steps[id % 4];
    job->foreign = id % 2 ? &spare[id % 4] : &job->id;
    job->link.next = queue;
    queue = &job->link;
    watched = job->current;
    jobs[id] = job;
}

void start(void) {
    add(0);
    add(1);
}

void serve(void) {
    add(2);
    add(3);
    jobs[0]->foreign = &jobs[3]->steps[1];
    jobs[1]->current = &spare[3];
    watched = &jobs[1]->id;
}
