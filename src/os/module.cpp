#include "os/module.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "os/sandbox.hpp"

#ifdef DLFO_STRUCT_HAS_EH_DBASE
// Weak: the library has to load where the C library is older than the one it was compiled with.
extern "C" [[gnu::weak]] int _dl_find_object(void* address, struct dl_find_object* result) noexcept;
#endif

namespace hakmem::os {

namespace {

#ifdef DLFO_STRUCT_HAS_EH_DBASE
const link_map* link_map_of(std::uintptr_t address, std::uintptr_t* start) {
  struct dl_find_object found {};
  if (&_dl_find_object == nullptr) return nullptr;
  if (_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return nullptr;
  *start = reinterpret_cast<std::uintptr_t>(found.dlfo_map_start);
  return found.dlfo_link_map;
}
#else
const link_map* link_map_of(std::uintptr_t, std::uintptr_t*) { return nullptr; }
#endif

const char* without_directory(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

void copy_name(const char* path, Module* module) {
  const char* name = without_directory(path);
  std::memcpy(module->name, name, strnlen(name, Module::kMaxName - 1));
}

// The dynamic linker has no name for the executable.
void copy_executable_name(Module* module) {
  const int saved = errno;
  char path[4096];
  const ssize_t length = is_sandboxed() ? -1 : readlink("/proc/self/exe", path, sizeof path - 1);
  path[length < 0 ? 0 : length] = '\0';
  copy_name(path, module);
  errno = saved;
}

constexpr std::size_t round_to_word(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

// Looks through one segment of notes.
bool copy_build_id(const char* notes, std::size_t bytes, Module* module) {
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= bytes;) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes + at, sizeof note);
    const std::size_t name = at + sizeof note;
    const std::size_t content = name + round_to_word(note.n_namesz);
    const bool is_gnu = note.n_namesz == 4 && std::memcmp(notes + name, "GNU", 4) == 0;
    if (is_gnu && note.n_type == NT_GNU_BUILD_ID && note.n_descsz <= Module::kMaxBuildId) {
      module->build_id_bytes = note.n_descsz;
      std::memcpy(module->build_id, notes + content, note.n_descsz);
      return true;
    }
    at = content + round_to_word(note.n_descsz);
  }
  return false;
}

// The file's first bytes, with the program headers, are mapped at its start.
void copy_build_id_of(const link_map* map, Module* module) {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(module->start);
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return;
  const auto* segments = reinterpret_cast<const ElfW(Phdr)*>(module->start + header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const char*>(map->l_addr + segments[i].p_vaddr);
    if (copy_build_id(notes, segments[i].p_memsz, module)) return;
  }
}

}  // namespace

bool find_module(std::uintptr_t address, Module* module) {
  return link_map_of(address, &module->start) != nullptr;
}

bool find_code(std::uint32_t half, std::uintptr_t* address) {
  constexpr unsigned kHalfBits = 32;
  const std::uintptr_t near[] = {reinterpret_cast<std::uintptr_t>(&find_module),
                                 getauxval(AT_ENTRY), reinterpret_cast<std::uintptr_t>(&readlink)};
  for (const std::uintptr_t known : near) {
    for (const std::intptr_t step : {0, -1, 1}) {
      *address = ((known >> kHalfBits) + static_cast<std::uintptr_t>(step)) << kHalfBits | half;
      Module module;
      if (find_module(*address, &module)) return true;
    }
  }
  return false;
}

void name_module(Module* module) {
  std::uintptr_t start = 0;
  const link_map* map = link_map_of(module->start, &start);
  if (map == nullptr) return;
  if (map->l_name == nullptr || map->l_name[0] == '\0') {
    copy_executable_name(module);
  } else {
    copy_name(map->l_name, module);
  }
}

void describe_module(Module* module) {
  std::uintptr_t start = 0;
  name_module(module);
  if (const link_map* map = link_map_of(module->start, &start)) copy_build_id_of(map, module);
}

}  // namespace hakmem::os
