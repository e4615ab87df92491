// More room in arrays, also of structures that change themselves.
struct slot {
    short key;
#if NEW
    long hits;
#else
    int hits;
#endif
};

#if NEW
#define SLOTS 7
#define NAME 24
#else
#define SLOTS 3
#define NAME 8
#endif

struct table {
    char name[NAME];
    struct slot slots[SLOTS];
    int numbers[SLOTS];
    struct table *others[SLOTS];
    struct table *next;
};

struct table *tables;
struct table own;
int counters[SLOTS];

static void set(struct table *table, int seed) {
    strncpy(table->name, seed % 2 ? "odd" : "even", sizeof table->name - 1);
    for (int i = 0; i < 3; i++) {
        table->slots[i].key = (short)(seed + i);
        table->slots[i].hits = seed * i;
        table->numbers[i] = -i - seed;
        table->others[i] = i == 1 ? tables : table;
        counters[i] += seed;
    }
}

static void add(int seed) {
    struct table *table = calloc(1, sizeof *table);
    if (!table) {
        abort();
    }
    set(table, seed);
    table->next = tables;
    tables = table;
}

void start(void) {
    add(1);
    add(2);
    set(&own, 3);
}

void serve(void) {
    add(4);
    set(&own, 5);
    set(tables->next->next, 6);
}
