// A tree whose children know their parents; and nobody knows the root any more.
//
// lost: direct make_root 1 56
// lost: indirect make_child 6 288
// lost: indirect make_text 7 77
// lsan: indirect make_root 1 56
// lsan: indirect make_child 6 288
// lsan: indirect make_text 7 77
// because: the children point back, so that for LeakSanitizer nothing is direct
#include "leak.h"

struct node {
    struct node *parent, *left, *right;
    char *text;
    long number[2];
};

struct root {
    struct node node;
    long depth;
};

struct root *volatile tree;

APART char *make_text(void)
{
    char *text = malloc(11);
    strcpy(text, "ten bytes.");
    return text;
}

APART struct node *make_child(struct node *parent)
{
    struct node *node = calloc(1, sizeof *node);
    node->parent = parent;
    node->text = make_text();
    return node;
}

APART struct root *make_root(void)
{
    struct root *root = calloc(1, sizeof *root);
    root->node.text = make_text();
    root->depth = 3;
    return root;
}

APART void grow(struct node *node, int depth)
{
    if (depth == 0)
        return;
    node->left = make_child(node);
    node->right = make_child(node);
    grow(node->left, depth - 1);
    grow(node->right, depth - 1);
}

APART void make_tree(void)
{
    tree = make_root();
    grow(&tree->node, 2);
    tree = NULL;
}

int main(void)
{
    make_tree();
    look();
}
