// Objects are chained by a structure that they begin with; in the next release something comes before it.
struct link {
    struct link *next;
    struct link **place;
};

struct timer {
#if NEW
    unsigned flags;
#endif
    struct link link;
    long due;
};

struct link *timers;
struct timer *last;
long *soonest;

static void add(long due) {
    struct timer *timer = calloc(1, sizeof *timer);
    if (!timer) {
        abort();
    }
#if NEW
    timer->flags = 1;
#endif
    timer->due = due;
    timer->link.next = timers;
    timer->link.place = &timers;
    if (timers) {
        timers->place = &timer->link.next;
    }
    timers = &timer->link;
    last = timer;
    soonest = &timer->due;
}

void start(void) {
    add(1);
    add(2);
}

void serve(void) {
    add(3);
    add(4);
}
