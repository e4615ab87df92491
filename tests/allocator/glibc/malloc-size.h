// How malloc of this machine aligns.
#pragma once
#include <stddef.h>
#define MALLOC_ALIGNMENT _Alignof(max_align_t)
#define MALLOC_ALIGN_MASK (MALLOC_ALIGNMENT - 1)
#define SIZE_SZ sizeof(size_t)
