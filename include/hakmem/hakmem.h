/* hakmem/hakmem.h: the allocator's own interface. Plain C.
 *
 * Preloading or linking the library replaces malloc and its family; nothing here is needed for that.
 * This header is for programs that want heaps of their own, or to ask what is held.
 *
 * Every block is 16-byte aligned at least. Functions that return a block return NULL and set errno to
 * ENOMEM when there is no memory or the size is impossible. Any thread may call any function, but for
 * hak_heap_destroy(), which must be the last use of its heap.
 */
#ifndef HAKMEM_H
#define HAKMEM_H

#include <stddef.h>

#include "hakmem/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HAK_EXPORT __attribute__((visibility("default")))

#define HAKMEM_VERSION_MAJOR 0
#define HAKMEM_VERSION_MINOR 1
#define HAKMEM_VERSION_PATCH 0

/* "0.1.0" */
HAK_EXPORT const char* hak_version(void);

/* The malloc family under its own names, whether or not malloc itself is replaced. */
HAK_EXPORT void* hak_malloc(size_t bytes);
HAK_EXPORT void* hak_calloc(size_t count, size_t bytes);
HAK_EXPORT void* hak_realloc(void* block, size_t bytes);
HAK_EXPORT void* hak_aligned_alloc(size_t alignment, size_t bytes); /* EINVAL: not a power of two */
HAK_EXPORT void hak_free(void* block);                              /* keeps errno */
HAK_EXPORT size_t hak_usable_size(const void* block);               /* 0 for NULL */

/* Returns all free memory within this thread's reach to the kernel, at once. */
HAK_EXPORT void hak_trim(void);

/* Writes what was learned so far to the file of HAKMEM_PROFILE, as happens at exit. The file is replaced
 * as a whole. Returns 0, or -1 with errno EINVAL when there is no such file or nothing is learned in this
 * mode, EIO when it cannot be written, EPERM when the program has given up system calls, or ENOMEM. */
HAK_EXPORT int hak_profile_save(void);

/* What is held, and why. `bytes` is sizeof(struct hak_stats); a shorter record is filled in part.
 * Returns 0, or -1 with errno EINVAL when `stats` is NULL or `bytes` is too small for a header. */
HAK_EXPORT int hak_stats_get(struct hak_stats* stats, size_t bytes);

/* The same as text for people: what is held and why, the arm that each class of large blocks is under,
 * and what that has saved. Writes at most `size` - 1 characters and a zero byte, and returns the length
 * of the whole text, as snprintf() does; NULL and 0 are allowed. Allocates nothing; takes about 12 KiB of
 * stack. The wording may change with any version: programs should read struct hak_stats. */
HAK_EXPORT size_t hak_explain(char* buffer, size_t size);

/* Called in the thread that asks, when an allocation of `bytes` would fail for want of memory: beyond
 * HAKMEM_HARD_LIMIT, or because the system has no more. Everything idle has gone back by then. It may
 * free memory, after which the allocation is tried once more. It may allocate; what it cannot get is
 * refused without calling it again. Several threads may be in it at once. */
typedef void (*hak_limit_callback)(size_t bytes);
HAK_EXPORT hak_limit_callback hak_on_limit(hak_limit_callback callback); /* NULL: none; returns the one before */

/* A heap whose blocks can be freed one by one, by any thread, with free() or hak_free(), or all at
 * once by destroying it. Its operations take a lock: it is for grouping lifetimes, not for speed. */
typedef struct hak_heap hak_heap_t;

HAK_EXPORT hak_heap_t* hak_heap_create(void);
HAK_EXPORT void hak_heap_destroy(hak_heap_t* heap); /* NULL is allowed; all its blocks are gone */
HAK_EXPORT void* hak_heap_malloc(hak_heap_t* heap, size_t bytes);
HAK_EXPORT void* hak_heap_calloc(hak_heap_t* heap, size_t count, size_t bytes);
/* realloc() and hak_realloc() of a heap's block may move it out of its heap; this one never does. */
HAK_EXPORT void* hak_heap_realloc(hak_heap_t* heap, void* block, size_t bytes);
HAK_EXPORT void* hak_heap_aligned_alloc(hak_heap_t* heap, size_t alignment, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* HAKMEM_H */
