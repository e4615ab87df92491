// A library counts in a variable of its own, of which nothing is known: its functions alone can say it anew.
void count_one(void);
long counted(void);

struct session {
    int id;
#if NEW
    int more;
#endif
};

struct session session;

void start(void) {
    session.id = 1;
}

void serve(void) {
    session.id++;
    count_one();
}

void show(void) {
    say("session %d of %ld\n", session.id, counted());
}
