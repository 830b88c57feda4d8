// The malloc family as every program calls it. The test runs it under LD_PRELOAD.
#include <malloc.h>

#include <cstdlib>

#include "malloc_family.hpp"

const MallocFamily kFamily = {std::malloc, std::calloc,        std::realloc,          ::memalign,
                              std::free,   malloc_usable_size, [] { malloc_trim(0); }};
