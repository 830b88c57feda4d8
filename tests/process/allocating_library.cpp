// A library for dlopen: allocates in its constructor, in a thread_local object and in its
// destructor.
#include <cstdlib>
#include <string>
#include <vector>

namespace {

std::vector<std::string>* table = nullptr;

__attribute__((constructor)) void on_load() {
  table = new std::vector<std::string>;
  for (std::size_t length = 0; length < 200; ++length) table->emplace_back(length * 3, 't');
}

__attribute__((destructor)) void on_unload() {
  delete table;
  std::free(std::malloc(100'000));
}

struct PerThread {
  std::vector<std::string> strings;
  ~PerThread() { strings.clear(); }
};

thread_local PerThread per_thread;

}  // namespace

// 0 when the table made by the constructor is intact.
extern "C" __attribute__((visibility("default"))) int use_allocating_library() {
  per_thread.strings.assign(100, std::string(300, 'u'));
  for (std::size_t length = 0; length < 200; ++length) {
    if ((*table)[length] != std::string(length * 3, 't')) return 1;
  }
  return 0;
}
