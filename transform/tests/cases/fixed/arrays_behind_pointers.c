// As many elements as a number says; they grow. One pointer leads to one of them.
struct entry {
    int key;
#if NEW
    int weight;
#endif
    const char *text;
};

struct index {
    unsigned count;
    struct entry *entries;
    struct entry *current;
    long *numbers;
    char *title;
    struct index *next;
};

struct index *indices;

static void fill(struct index *index, unsigned count) {
    free(index->entries);
    free(index->numbers);
    free(index->title);
    index->count = count;
    index->entries = calloc(count, sizeof *index->entries);
    index->numbers = calloc(count, sizeof *index->numbers);
    index->title = malloc(16);
    if (!index->entries || !index->numbers || !index->title) {
        abort();
    }
    memset(index->title, 0, 16);
    memcpy(index->title, "entries", count);
    for (unsigned i = 0; i < count; i++) {
        index->entries[i].key = (int)(count * 10 + i);
        index->entries[i].text = i % 2 ? "odd" : "even";
#if NEW
        index->entries[i].weight = 1;
#endif
        index->numbers[i] = -(long)i;
    }
    index->current = &index->entries[count - 1];
}

static void add(unsigned count) {
    struct index *index = calloc(1, sizeof *index);
    if (!index) {
        abort();
    }
    fill(index, count);
    index->next = indices;
    indices = index;
}

void start(void) {
    add(2);
    add(5);
}

void serve(void) {
    add(3);
    fill(indices->next, 7);
    indices->next->next->entries[1].key = 99;
    indices->next->next->current = &indices->next->next->entries[0];
}
