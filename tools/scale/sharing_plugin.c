/* Counts what threads do to each other's cache lines inside one shared library: a plugin for qemu's user mode.
 *
 *   qemu-x86_64 -plugin sharing_plugin.so,library=NAME,span=BYTES,out=FILE program ...
 *
 * library   part of the library's path; `span`: bytes from its first mapping to the end of its data
 *
 * For every instruction of the library it counts: locked operations (the lock prefix, and xchg with memory), writes to
 * a line that another thread has touched since this one last had it alone, and reads of a line that another thread has
 * written since. Accesses of the rest of the program move lines too, but are not counted. FILE gets the totals and, for
 * the library's own data, the counts by word (a line may hold several variables); tools/scale_model makes names of them.
 *
 * Exact for the interleaving that happened. The few functions of qemu's plugin interface (version 1, qemu-plugin.h) are
 * declared here, because Debian does not package the header. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { kNoRegisters = 0, kReadAndWrite = 3 };
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn*, void (*)(unsigned, uint32_t, uint64_t, void*), int, int, void*);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void*), void*);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
const void* qemu_plugin_insn_data(const struct qemu_plugin_insn*);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn*);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn*);
bool qemu_plugin_mem_is_store(uint32_t);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { kLines = 1 << 22, kWords = 1 << 19 };

struct Line {
  uint64_t number; /* address / 64; 0: unused */
  uint64_t readers; /* threads, modulo 64, that have a copy */
  int writer; /* thread that wrote last and its copy is the only one, or -1 */
};

static struct Line* lines;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct { uint64_t locked, writes, reads; } total, by_word[kWords];
static uint64_t lost, base, span;
static const char *library = "?", *out_path;

static struct Line* line_of(uint64_t address) {
  const uint64_t number = address >> 6;
  uint64_t i = number * 0x9E3779B97F4A7C15u >> 42;
  for (unsigned probe = 0; probe < 64; ++probe, i = (i + 1) & (kLines - 1)) {
    if (lines[i].number == number) return &lines[i];
    if (lines[i].number == 0) {
      lines[i] = (struct Line){number, 0, -1};
      return &lines[i];
    }
  }
  ++lost;
  return NULL;
}

enum { kCounted = 1, kLocked = 2 };

static void on_access(unsigned vcpu, uint32_t info, uint64_t address, void* what) {
  const uintptr_t flags = (uintptr_t)what;
  const uint64_t me = UINT64_C(1) << (vcpu % 64);
  const bool store = qemu_plugin_mem_is_store(info);
  pthread_mutex_lock(&mutex);
  struct Line* line = line_of(address);
  if (line != NULL) {
    const bool foreign = store ? (line->readers & ~me) != 0 : line->writer >= 0 && (line->readers & me) == 0;
    const uint64_t word = (address - base) >> 3;
    const bool inside = base != 0 && address - base < span && word < kWords;
    if (flags & kCounted) {
      if (flags & kLocked && store) {
        ++total.locked;
        if (inside) ++by_word[word].locked;
      }
      if (foreign) {
        ++*(store ? &total.writes : &total.reads);
        if (inside) ++*(store ? &by_word[word].writes : &by_word[word].reads);
      }
    }
    line->readers = store ? me : line->readers | me;
    if (store) line->writer = (int)vcpu;
  }
  pthread_mutex_unlock(&mutex);
}

/* Where the library lies: guest addresses are ours, as long as qemu has not moved them. */
static void find_library(void) {
  char text[1024];
  FILE* maps = fopen("/proc/self/maps", "r");
  while (base == 0 && maps != NULL && fgets(text, sizeof text, maps) != NULL) {
    if (strstr(text, library) != NULL) base = strtoull(text, NULL, 16);
  }
  if (maps != NULL) fclose(maps);
}

static bool is_locked(const unsigned char* code, size_t size) {
  size_t i = 0;
  for (; i < size && (code[i] == 0x66 || code[i] == 0xf2 || code[i] == 0xf3 || code[i] == 0x64 || code[i] == 0xf0); ++i) {
    if (code[i] == 0xf0) return true;
  }
  if (i < size && (code[i] & 0xf0) == 0x40) ++i;
  return i + 1 < size && (code[i] == 0x86 || code[i] == 0x87) && code[i + 1] >> 6 != 3;
}

static void on_translate(plugin_id id, struct qemu_plugin_tb* tb) {
  (void)id;
  if (base == 0) find_library();
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); ++i) {
    struct qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(tb, i);
    const uint64_t offset = qemu_plugin_insn_vaddr(insn) - base;
    uintptr_t flags = 0;
    if (base != 0 && offset < span) {
      flags = kCounted;
      if (is_locked(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn))) flags |= kLocked;
    }
    qemu_plugin_register_vcpu_mem_cb(insn, on_access, kNoRegisters, kReadAndWrite, (void*)flags);
  }
}

static void write_out(plugin_id id, void* unused) {
  (void)id, (void)unused;
  FILE* out = fopen(out_path, "w");
  if (out == NULL) return;
  fprintf(out, "locked %" PRIu64 "\nwrites %" PRIu64 "\nreads %" PRIu64 "\nlost %" PRIu64 "\n", total.locked, total.writes, total.reads, lost);
  for (unsigned i = 0; i < kWords; ++i) {
    if (by_word[i].locked + by_word[i].writes + by_word[i].reads == 0) continue;
    fprintf(out, "word %x %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", i * 8, by_word[i].locked, by_word[i].writes, by_word[i].reads);
  }
  fclose(out);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void* info, int argc, char** argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    char* value = strchr(argv[i], '=');
    if (value == NULL) return 1;
    *value++ = '\0';
    if (strcmp(argv[i], "library") == 0) library = strdup(value);
    else if (strcmp(argv[i], "span") == 0) span = strtoull(value, NULL, 0);
    else if (strcmp(argv[i], "out") == 0) out_path = strdup(value);
    else return 1;
  }
  lines = calloc(kLines, sizeof *lines);
  if (out_path == NULL || lines == NULL) return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_atexit_cb(id, write_out, NULL);
  return 0;
}
