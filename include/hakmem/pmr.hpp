// hakmem/pmr.hpp: hakmem for C++ containers. Header only, C++17 and later; link hakmem.
//
//   hakmem::memory_resource   std::pmr resource over hak_aligned_alloc and hak_free; no state
//   hakmem::heap_resource     std::pmr resource over a heap of its own; release() frees all at once
//   hakmem::allocator<T>      a standard allocator over the same two functions; no state
//
// They work whether or not malloc itself is replaced. Blocks may be freed by any thread. Memory that
// cannot be had is std::bad_alloc. The exceptions are thrown by the standard library's own code, so
// this header compiles with -fno-exceptions; nothing can catch them there, and the program aborts.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <memory_resource>
#include <type_traits>

#include "hakmem/hakmem.h"

namespace hakmem {

namespace detail {

// Throws std::bad_alloc: all that this resource ever does.
[[noreturn]] inline void throw_bad_alloc() {
  static_cast<void>(std::pmr::null_memory_resource()->allocate(1));
  std::abort();
}

// Throws what the standard library throws for an array of `count` T that no address space holds:
// std::bad_array_new_length.
template <typename T>
[[noreturn]] void throw_bad_array_length(std::size_t count) {
  static_cast<void>(std::allocator<T>().allocate(count));
  std::abort();
}

inline void* or_bad_alloc(void* block) {
  if (block == nullptr) throw_bad_alloc();
  return block;
}

}  // namespace detail

// The process's hakmem as a std::pmr resource. All objects of this type are equal: what one has
// allocated, any other may deallocate. Any thread may use it.
class memory_resource : public std::pmr::memory_resource {
 private:
  // `alignment`: a power of two. Throws std::bad_alloc.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return detail::or_bad_alloc(hak_aligned_alloc(alignment, bytes));
  }

  void do_deallocate(void* block, std::size_t, std::size_t) override { hak_free(block); }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return dynamic_cast<const hakmem::memory_resource*>(&other) != nullptr;
  }
};

// A heap of its own as a std::pmr resource, for objects that die together. Blocks can be given back
// one by one; release() and the destructor free the rest without a look at them (no destructor of
// an object in them runs). Any thread may allocate and deallocate; release() and the destructor must
// be alone with the resource.
//
// Equal to itself only: a block must not outlive the heap that it lies in, so containers must not
// pass blocks on to a container of another heap.
class heap_resource : public std::pmr::memory_resource {
 public:
  // Throws std::bad_alloc.
  heap_resource() : heap_(make_heap()) {}
  ~heap_resource() override { hak_heap_destroy(heap_); }
  heap_resource(const heap_resource&) = delete;
  heap_resource& operator=(const heap_resource&) = delete;

  // Frees every block and starts with a new heap. Throws std::bad_alloc when there is no memory for
  // that one; nothing has changed then.
  void release() {
    hak_heap_t* fresh = make_heap();
    hak_heap_destroy(heap_);
    heap_ = fresh;
  }

  // The heap in use, for the functions of hakmem/hakmem.h; another one after release().
  hak_heap_t* heap() const noexcept { return heap_; }

 private:
  static hak_heap_t* make_heap() {
    hak_heap_t* heap = hak_heap_create();
    if (heap == nullptr) detail::throw_bad_alloc();
    return heap;
  }

  // `alignment`: a power of two. Throws std::bad_alloc.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return detail::or_bad_alloc(hak_heap_aligned_alloc(heap_, alignment, bytes));
  }

  void do_deallocate(void* block, std::size_t, std::size_t) override { hak_free(block); }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  hak_heap_t* heap_;
};

// A standard allocator: std::vector<int, hakmem::allocator<int>>. It has no state, and all of its
// kind are equal. Any thread may use it.
template <typename T>
class allocator {
 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using is_always_equal = std::true_type;

  constexpr allocator() noexcept = default;
  template <typename U>
  constexpr allocator(const allocator<U>&) noexcept {}

  // Room for `count` objects, aligned for T. Throws std::bad_array_new_length when their bytes do not
  // fit a std::size_t, and std::bad_alloc when there is no memory.
  [[nodiscard]] T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
      detail::throw_bad_array_length<T>(count);
    }
    return static_cast<T*>(detail::or_bad_alloc(hak_aligned_alloc(alignof(T), count * sizeof(T))));
  }

  void deallocate(T* block, std::size_t) noexcept { hak_free(block); }

  template <typename U>
  friend constexpr bool operator==(const allocator&, const allocator<U>&) noexcept {
    return true;
  }
  template <typename U>
  friend constexpr bool operator!=(const allocator&, const allocator<U>&) noexcept {
    return false;
  }
};

}  // namespace hakmem
