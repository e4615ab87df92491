// Pointers that nobody recognises: one with its bits turned, one that is the exclusive or of two.
//
// lost: direct make 3 144
#include "leak.h"

uintptr_t turned, both;

APART char *make(void)
{
    char *block = malloc(48);
    memset(block, 1, 48);
    return block;
}

APART void hide(void)
{
    turned = ~(uintptr_t)make();
    // Not a pointer to either, or to something else on the heap: addresses of blocks have the same upper bits.
    both = (uintptr_t)make() ^ (uintptr_t)make();
}

int main(void)
{
    hide();
    look();
    return turned == both;
}
