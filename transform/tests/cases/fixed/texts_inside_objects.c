// Pointers to characters: in an object that grows, behind its start, and on the heap in the middle.
struct line {
#if NEW
    long number;
#endif
    int len;
    char text[12];
    char *word;
    struct line *next;
};

struct line *lines;
char *cursor;
char *heap_text;
char *in_it;

static void add(const char *text) {
    struct line *line = calloc(1, sizeof *line);
    if (!line) {
        abort();
    }
#if NEW
    line->number = 1;
#endif
    line->len = (int)strlen(text);
    strncpy(line->text, text, sizeof line->text - 1);
    line->word = strchr(line->text, ' ') + 1;
    line->next = lines;
    lines = line;
    cursor = line->text;
}

void start(void) {
    add("one line");
    add("two lines");
    heap_text = calloc(1, 20);
    if (!heap_text) {
        abort();
    }
    strcpy(heap_text, "on the heap");
    in_it = heap_text + 3;
}

void serve(void) {
    add("three lines");
    lines->next->word++;
    in_it = heap_text + 7;
    heap_text[0] = 'O';
}
