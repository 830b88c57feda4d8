/* A module that frees what others have allocated, for dlopen. */
#include <stdlib.h>

__attribute__((visibility("default"))) void free_for_others(void* block) { free(block); }
