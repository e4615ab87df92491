// Blocks that begin with a header of their allocator's; the program has pointers to what follows.
//
// lost: direct make_sized 1 56
// lost: possibly make_oddly 1 48
// strictly: direct make_sized 1 56
// strictly: possibly make_oddly 1 48
// strictly: possibly make_sized 1 48
// strictly: possibly make_array 1 80
// lsan: direct make_sized 1 56
// because: for LeakSanitizer a pointer into the middle is as good as one to the start
#include "leak.h"

void *sized, *array, *oddly;

// The length of the rest, as sqlite has it.
APART void *make_sized(uint64_t length)
{
    uint64_t *block = calloc(1, length + 8);
    *block = length;
    return block + 1;
}

// The number of elements, as new[] has it.
APART void *make_array(uint64_t count)
{
    uint64_t *block = calloc(1, count * 24 + 8);
    *block = count;
    return block + 1;
}

// Neither.
APART void *make_oddly(uint64_t length)
{
    uint64_t *block = calloc(1, length + 8);
    *block = length + 1;
    return block + 1;
}

int main(void)
{
    sized = make_sized(48);
    sized = make_sized(40);
    array = make_array(3);
    oddly = make_oddly(40);
    look();
    return sized == array;
}
