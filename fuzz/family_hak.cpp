// The malloc family under hakmem's own names: works under every sanitizer.
#include "hakmem/hakmem.h"
#include "malloc_family.hpp"

const MallocFamily kFamily = {hak_malloc,  hak_calloc,
                              hak_realloc, hak_aligned_alloc,
                              hak_free,    [](void* block) { return hak_usable_size(block); },
                              hak_trim};
