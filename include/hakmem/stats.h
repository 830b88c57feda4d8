/* hakmem/stats.h: what the allocator holds, and why. Plain C.
 *
 * The same record is returned by hak_stats_get() and kept in the file named by HAKMEM_STATS, which
 * `hakmem stats` reads. All sizes are bytes. Figures are gathered without stopping other threads, so
 * they may disagree by what happens meanwhile.
 *
 * Identity:  mapped = small_in_use + small_free + cached + depot + large + run_cache + free_runs
 *            + slab tails
 * In the file, `sequence` is odd while the record is being rewritten.
 */
#ifndef HAKMEM_STATS_H
#define HAKMEM_STATS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAK_STATS_MAGIC UINT64_C(0x3153544154534b48) /* "HKSTATS1", little-endian */
#define HAK_STATS_VERSION 1u
#define HAK_STATS_MAX_CLASSES 64

struct hak_stats_class {
  uint32_t block_size;  /* bytes of one block */
  uint32_t slabs;       /* slabs of this class */
  uint64_t blocks;      /* blocks in those slabs */
  uint64_t free_blocks; /* of them, free in their slab (not in a thread's cache) */
};

struct hak_stats {
  uint64_t magic;
  uint32_t version;
  uint32_t size; /* bytes of this record */
  uint32_t sequence;
  uint32_t process_id;
  uint64_t monotonic_ms; /* when it was gathered, CLOCK_MONOTONIC */

  uint64_t resident_bytes;   /* of the whole process, from the kernel */
  uint64_t mapped_bytes;     /* address space in runs (huge blocks excluded) */
  uint64_t small_in_use;     /* blocks up to 32 KiB held by the program or in loaded magazines */
  uint64_t small_free;       /* free blocks in slabs */
  uint64_t cached_bytes;     /* free blocks in threads' spare magazines */
  uint64_t depot_bytes;      /* free blocks on their way between threads */
  uint64_t large_bytes;      /* blocks over 32 KiB, under 32 MiB */
  uint64_t large_blocks;
  uint64_t huge_bytes;       /* blocks that are mappings of their own */
  uint64_t huge_blocks;
  uint64_t run_cache_bytes;  /* large blocks freed a moment ago, kept as they are */
  uint64_t free_run_bytes;   /* free runs, resident or not */
  uint64_t dirty_bytes;      /* free runs that may be resident until their delay is over */
  uint64_t purged_bytes;     /* returned to the kernel since the start */
  uint64_t metadata_bytes;   /* records of the allocator (page map excluded) */
  uint64_t page_map_reserved_bytes; /* address space of the page map; touched: 12 bytes per 64 KiB */

  uint32_t live_heaps;       /* threads (and user heaps) being served */
  uint32_t purge_delay_ms;
  uint32_t huge_pages;       /* 0 auto, 1 always, 2 never */
  uint32_t class_count;
  struct hak_stats_class classes[HAK_STATS_MAX_CLASSES];
};

#ifdef __cplusplus
}
#endif

#endif /* HAKMEM_STATS_H */
