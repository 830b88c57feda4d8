/* hakmem/stats.h: what the allocator holds, and why. Plain C.
 *
 * The same record is returned by hak_stats_get() and kept in the file named by HAKMEM_STATS, which
 * `hakmem stats` reads. All sizes are bytes. Figures are gathered without stopping other threads, so
 * they may disagree by what happens meanwhile.
 *
 * Identity:  mapped = small_in_use + small_free + cached + depot + large + idle_run + idle_run_lazy
 *            + free_runs + slab tails
 * Huge blocks, in use or idle, are mappings of their own and not part of `mapped`.
 *
 * An idle block was freed and waits to be used again; lazily freed means that its pages are the
 * kernel's to take when it is short of memory. Texts end with a zero byte.
 *
 * In the file, `sequence` is odd while the record is being rewritten.
 */
#ifndef HAKMEM_STATS_H
#define HAKMEM_STATS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAK_STATS_MAGIC UINT64_C(0x3153544154534b48) /* "HKSTATS1", little-endian */
#define HAK_STATS_VERSION 5u
#define HAK_STATS_MAX_CLASSES 64
#define HAK_STATS_MAX_CONTEXTS 64
#define HAK_STATS_MAX_SITES 16
#define HAK_STATS_MODULE_CHARS 40
#define HAK_STATS_ARM_CHARS 16
#define HAK_STATS_MAX_KNOBS 8

struct hak_stats_class {
  uint32_t block_size;  /* bytes of one block */
  uint32_t slabs;       /* slabs of this class */
  uint64_t blocks;      /* blocks in those slabs */
  uint64_t free_blocks; /* of them, free in their slab (not in a thread's cache) */
};

/* A context: idle large blocks that are held by one rule, an arm. Arms are named as in
 * HAKMEM_SELECTOR=fixed:ARM; "static" is HAKMEM_PURGE_DELAY, and low-water, peak and glibc are rules.
 * A bill is in seconds of CPU: the time that giving back and touching again takes, and price x GiB x
 * seconds held. It counts the reuses that the
 * learner has scored. */
struct hak_stats_context {
  uint64_t block_bytes;  /* length of the blocks of its class; the last class has longer ones too */
  uint32_t first_depth;  /* idle blocks of the class below it in the stack: from ... */
  uint32_t last_depth;   /* ... to; UINT32_MAX: no end */
  uint32_t site_group;   /* 1: call sites whose blocks stay idle for long, where the class is split */
  uint32_t idle_blocks;
  uint64_t idle_bytes;   /* of them, resident */
  uint64_t lazy_bytes;   /* lazily freed */
  uint64_t reuses;
  double bill_paid_s;       /* of the learner's arms */
  double bill_best_fixed_s; /* of the arm that would have been best throughout; the rest is regret */
  char arm[HAK_STATS_ARM_CHARS];            /* in force */
  char learned_arm[HAK_STATS_ARM_CHARS];    /* the learner's choice; in force unless it only watches */
  char best_fixed_arm[HAK_STATS_ARM_CHARS]; /* the best throughout, in hindsight */
};

/* A call site whose blocks were used again after they had been idle, by size class. Where its call
 * returns to: `offset` bytes after the start of the module. */
struct hak_stats_site {
  uint64_t block_bytes;
  uint64_t offset;          /* with no module: what tells the site apart */
  double mean_idle_s;       /* geometric mean, of about the last 32 */
  double bill_paid_s;       /* as in a context */
  double bill_best_fixed_s;
  uint32_t site_group;      /* as in a context */
  uint32_t unused;
  char best_fixed_arm[HAK_STATS_ARM_CHARS];
  char module[HAK_STATS_MODULE_CHARS]; /* file name without its directory; empty: not known */
};

/* What the learner reckons with, measured now and then: seconds a call, a page of 4 KiB, and a huge
 * page of 2 MiB. */
struct hak_stats_costs {
  double madvise_call_s;
  double remap_call_s;
  double fault_s;
  double populate_s;
  double dontneed_s;
  double free_s;
  double touch_after_free_s;
  double unmap_s;
  double huge_fault_s;
  double huge_dontneed_s;
  double huge_free_s;
  double huge_touch_after_free_s;
  double lazy_share; /* what a lazily freed byte costs of a resident one */
};

/* A knob of the small and middle tiers that hill climbing moves (HAKMEM_MODE=adaptive). */
struct hak_stats_knob {
  char name[16];         /* depot, inbox, attached, growth */
  uint64_t value;        /* in force: bytes, slabs, or a divisor */
  uint64_t static_value; /* where it started, and stays in the other modes */
  uint32_t kept;         /* trials that moved it for good */
  int32_t per_mille;     /* what its last trial changed of the bill */
  char last_trial[24];   /* how that ended: "none", "running", "cheaper", "dearer", "no difference" */
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
  uint64_t small_in_use;     /* blocks up to 32 KiB held by the program, in loaded magazines, bundles on their way out or inboxes */
  uint64_t small_free;       /* free blocks in slabs */
  uint64_t cached_bytes;     /* free blocks in threads' spare magazines */
  uint64_t depot_bytes;      /* free blocks in depots */
  uint64_t large_bytes;      /* blocks over 32 KiB, under 32 MiB */
  uint64_t large_blocks;
  uint64_t huge_bytes;       /* blocks that are mappings of their own */
  uint64_t huge_blocks;
  uint64_t idle_run_bytes;       /* idle large blocks, resident */
  uint64_t idle_run_lazy_bytes;  /* idle large blocks, lazily freed */
  uint64_t idle_huge_bytes;      /* idle huge blocks, resident */
  uint64_t idle_huge_lazy_bytes; /* idle huge blocks, lazily freed */
  uint64_t free_run_bytes;   /* free runs, resident or not */
  uint64_t dirty_bytes;      /* free runs that may be resident until their delay is over */
  uint64_t purged_bytes;     /* free runs returned to the kernel since the start */
  uint64_t metadata_bytes;   /* records of the allocator (page map excluded) */
  uint64_t page_map_reserved_bytes; /* address space of the page map; touched: 12 bytes per 64 KiB */
  uint64_t parked_bytes;     /* what parked heaps have in caches and slabs, about; counted above too */
  uint64_t releases;         /* idle blocks whose pages were given back */
  uint64_t reuses;           /* idle blocks used again */
  uint64_t late_reuses;      /* of them, those whose pages had been given back */
  uint64_t refault_bytes;    /* their length: at most so much was faulted in again because of that */
  uint64_t prefaulted_bytes; /* new memory made resident before it was touched, in one call instead of by faults, so far */
  uint64_t committed_bytes;  /* what counts against the limits */
  uint64_t limit_bytes;      /* HAKMEM_LIMIT, 0: none */
  uint64_t soft_limit_bytes; /* from here on nothing idle is kept; what others in the cgroup use is off */
  uint64_t hard_limit_bytes; /* HAKMEM_HARD_LIMIT, 0: none */

  double price;              /* CPU seconds that one GiB held for one second may cost */
  double learning_s;         /* spent scoring, deciding and measuring costs; CPU */
  double release_s;          /* spent giving memory back; CPU */
  double process_cpu_s;      /* of the whole process */
  double bill_paid_s;        /* over all contexts: of the learner's arms, */
  double bill_best_fixed_s;  /* of the one arm that would have been best throughout, */
  double bill_1s_s;          /* and of giving every block back after 1 s */
  struct hak_stats_costs costs;
  char best_fixed_arm[HAK_STATS_ARM_CHARS];
  char mode[16];             /* as HAKMEM_MODE, HAKMEM_LEARN and HAKMEM_SELECTOR have it */
  char learn[16];
  char selector[32];

  uint32_t parked_heaps;     /* of exited threads, warm for the next ones */
  uint32_t background;       /* 1: the background thread runs */
  uint32_t contexts_seen;    /* contexts there are */
  uint32_t context_count;    /* of them, in `contexts`: those with the largest bills */
  uint32_t live_heaps;       /* threads (and user heaps) being served */
  uint32_t purge_delay_ms;
  uint32_t stall_percent;    /* of the time that the cgroup waits for memory (PSI) */
  uint32_t split_classes;    /* of large blocks, by call site: sites of some wait much longer */
  uint32_t huge_pages;       /* 0 auto, 1 always, 2 never */
  uint32_t class_count;
  struct hak_stats_class classes[HAK_STATS_MAX_CLASSES];
  struct hak_stats_context contexts[HAK_STATS_MAX_CONTEXTS]; /* largest bill first, then what holds most */

  /* Adaptive knobs; all 0 in the other modes but for the knobs' values. */
  uint64_t spare_bound_bytes;    /* what all threads' spare magazines may have */
  uint64_t spare_unclaimed_bytes; /* of it, in no thread's allowance */
  uint64_t allowance_growths;
  uint64_t allowance_shrinkings;
  uint64_t allowance_loans;      /* from idle threads */
  uint64_t idle_classes_emptied; /* times a thread's blocks of a class went home because nobody used them */
  double knob_bill_cpu_s;        /* slow paths so far, by their number and measured cost */
  double knob_bill_memory_s;     /* price x GiB-seconds idle in caches, depot and attached slabs so far */
  uint32_t knobs_adapt;          /* 1: they move */
  uint32_t knobs_settled;        /* 1: no trial runs, for none told a difference */
  uint32_t knob_changes;         /* trials begun and ended */
  uint32_t bundle_changes;       /* of bundle thresholds */
  uint32_t cold_classes;         /* whose threshold for bundles is below a magazine */
  uint32_t knob_count;
  struct hak_stats_knob knobs[HAK_STATS_MAX_KNOBS];

  /* Huge pages, by 2 MiB units of the regions' address space. */
  uint64_t huge_wanted_bytes;   /* of regions that ask: units on huge pages, or that will be */
  uint64_t huge_full_units;     /* of 2 MiB that may be on huge pages, not split: every granule in use */
  uint64_t huge_part_units;     /* some granules in use */
  uint64_t huge_waste_bytes;    /* free granules in those, resident or not */
  uint64_t huge_collapsed_bytes; /* put on huge pages after they had been used, so far */
  uint64_t huge_resident_bytes;  /* on huge pages now, by the kernel's word, the whole process (AnonHugePages) */

  uint32_t sites_seen;          /* call sites there are */
  uint32_t site_count;          /* of them, in `sites`: those with the largest bills */
  struct hak_stats_site sites[HAK_STATS_MAX_SITES]; /* largest bill first */
};

#ifdef __cplusplus
}
#endif

#endif /* HAKMEM_STATS_H */
