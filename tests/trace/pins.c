// A program with pins of each sort: words that may be pointers, and pointers to something else than they say. It waits until its input ends.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct leaf { struct leaf *next; double weight; };
struct twig { long length; double angle; char bark[24]; };

enum kind { KIND_TEXT, KIND_LEAF, KIND_NUMBER };

struct tree {
    // Told by an enumeration, whose constants are called like members.
    enum kind kind;
    union { char *text; struct leaf *leaf; long number; } as;
    // Told by nothing; only one member is a pointer.
    union { struct leaf *any; int descriptor; } handle;
    // Told by nothing, and two are.
    union { struct leaf *one; struct twig *other; } either;
    // Declared as a number, and a pointer all the same.
    unsigned long address;
    // Bytes and numbers with the value of a pointer in them.
    char note[16];
    long counts[4];
    struct { unsigned long sum; char name[16]; } inner;
    // Points to something else than it says.
    struct leaf *wrong;
};

struct tree *trees[4];
struct twig *twigs[4];
// A variable whose type is a structure.
struct { struct leaf *known; } beside;
struct tree planted;
static char *scratch;

static struct leaf *__attribute__((noinline)) make_leaf(void)
{
    struct leaf *leaf = malloc(sizeof *leaf);
    leaf->next = NULL;
    leaf->weight = 1;
    return leaf;
}

static struct twig *__attribute__((noinline)) make_twig(void)
{
    struct twig *twig = malloc(sizeof *twig);
    twig->length = 1;
    twig->angle = 1;
    memset(twig->bark, 0, sizeof twig->bark);
    return twig;
}

static char *__attribute__((noinline)) make_scratch(void)
{
    char *bytes = malloc(100);
    memset(bytes, 0, 100);
    // Into the middle of something.
    char *inside = (char *)make_leaf() + 8;
    memcpy(bytes + 32, &inside, sizeof inside);
    return bytes;
}

static void __attribute__((noinline)) grow(struct tree *tree, int turn)
{
    tree->kind = turn % 2 ? KIND_LEAF : KIND_TEXT;
    if (tree->kind == KIND_LEAF)
        tree->as.leaf = make_leaf();
    else
        tree->as.text = strdup("some text");
    tree->handle.any = make_leaf();
    if (turn % 2)
        tree->either.one = make_leaf();
    else
        tree->either.other = make_twig();
    tree->address = (unsigned long)make_leaf();
    char *inside = (char *)make_leaf() + 8;
    memcpy(tree->note, &inside, sizeof inside);
    tree->counts[2] = (long)inside;
    tree->inner.sum = (unsigned long)inside;
    memcpy(tree->inner.name, &inside, sizeof inside);
    twigs[turn] = make_twig();
    tree->wrong = (struct leaf *)twigs[turn];
}

int main(void)
{
    for (int turn = 0; turn < 4; turn++) {
        trees[turn] = calloc(1, sizeof *trees[turn]);
        grow(trees[turn], turn);
    }
    grow(&planted, 1);
    beside.known = make_leaf();
    scratch = make_scratch();
    puts("ready");
    fflush(stdout);
    return getchar() == EOF && scratch[0] ? 1 : 0;
}
