// A ring that is linked both ways, a tree with ways up, and objects of two types that lead to each other.
struct leaf;

struct node {
    struct node *up;
    struct node *down[2];
    struct leaf *leaf;
    int key;
};

struct leaf {
    struct node *owner;
    struct leaf *before;
    struct leaf *after;
#if NEW
    char note[6];
#endif
    unsigned char value;
};

struct node *root;
struct leaf ring;

static void insert(int key) {
    struct node *node = calloc(1, sizeof *node);
    struct leaf *leaf = calloc(1, sizeof *leaf);
    if (!node || !leaf) {
        abort();
    }
    node->key = key;
    node->leaf = leaf;
    leaf->owner = node;
    leaf->value = (unsigned char)(key * 3);
#if NEW
    memcpy(leaf->note, "note", 4);
#endif
    leaf->before = ring.before;
    leaf->after = &ring;
    ring.before->after = leaf;
    ring.before = leaf;
    struct node **at = &root;
    while (*at) {
        node->up = *at;
        at = &(*at)->down[key > (*at)->key];
    }
    *at = node;
}

void start(void) {
    ring.before = ring.after = &ring;
#if NEW
    memcpy(ring.note, "note", 4);
#endif
    insert(50);
    insert(20);
    insert(70);
}

void serve(void) {
    insert(10);
    insert(60);
    insert(30);
    root->leaf->value = 255;
    root->down[0]->leaf->owner = root->down[1];
}
