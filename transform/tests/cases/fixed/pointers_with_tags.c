// The lowest bit of a pointer is used for something else.
struct node {
#if NEW
    int colour;
#endif
    struct node *left;
    struct node *right;
    int key;
};

struct node *root;

static struct node *plain(struct node *node) {
    return (struct node *)((uintptr_t)node & ~(uintptr_t)1);
}

static void insert(int key) {
    struct node *node = calloc(1, sizeof *node);
    if (!node) {
        abort();
    }
    node->key = key;
#if NEW
    node->colour = 3;
#endif
    struct node **at = &root;
    while (plain(*at)) {
        struct node *here = plain(*at);
        at = key < here->key ? &here->left : &here->right;
    }
    *at = (struct node *)((uintptr_t)node | (uintptr_t)(key & 1));
}

void start(void) {
    insert(8);
    insert(3);
    insert(12);
}

void serve(void) {
    insert(5);
    insert(11);
    insert(1);
    plain(root)->key = 7;
}
