// Nothing changes but where things lie: the new release has a function and a variable in between.
struct node {
    int value;
    struct node *next;
    struct node *random;
};

#if NEW
int in_between[100];
#endif
struct node *nodes;
struct node first;
unsigned count;

static void add(int value) {
    struct node *node = malloc(sizeof *node);
    if (!node) {
        abort();
    }
    *node = (struct node){ .value = value, .next = nodes, .random = nodes ? nodes : &first };
    nodes = node;
    count++;
}

void start(void) {
    first.value = 1;
    first.random = &first;
    add(2);
    add(3);
#if NEW
    in_between[7] = 7;
#endif
}

void serve(void) {
    add(4);
    add(5);
    nodes->next->next->value = 33;
    nodes->next->next->random = nodes;
    first.next = nodes->next;
}
