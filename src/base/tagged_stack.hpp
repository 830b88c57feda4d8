// Tagged stack: a lock-free LIFO of nodes that are never unmapped.
//
//   head_ = | address / 64 (low 42 bits) | tag (high 22 bits) |
//
// The tag rises with every pop, so that a head which was popped and pushed back between a reader's
// load and its compare-exchange is not mistaken for the old one (the ABA problem). The bad
// interleaving it prevents: T1 reads head A and A.next = B; T2 pops A, pops B, pushes A; T1's
// exchange of A for B would now publish B, which T2 holds.
//
// Invariants:
//   (1) nodes are 64-byte aligned, below 2^48, and their memory stays readable for ever;
//   (2) Node::next is written only by the pusher, before its release.
//
// Above: metadata pools, depot. Below: atomics. Any thread.
#pragma once

#include <cstdint>

#include "base/atomics.hpp"

namespace hakmem {

// `Node` has a member `Atomic<Node*> next`.
template <typename Node>
class TaggedStack {
 public:
  constexpr TaggedStack() = default;

  bool empty() const { return node_of(head_.load_relaxed()) == nullptr; }

  void push(Node* node) { push_chain(node, node); }

  // Pushes first -> ... -> last, already linked, with one exchange.
  void push_chain(Node* first, Node* last) {
    std::uint64_t old = head_.load_relaxed();
    do {
      last->next.store_relaxed(node_of(old));
      // Release: the nodes' contents, for the acquire in pop().
    } while (!head_.try_replace_release(old, pack(first, old >> kAddressBits)));
  }

  Node* pop() {
    std::uint64_t old = head_.load_acquire();  // pairs with push_chain()
    while (Node* node = node_of(old)) {
      Node* next = node->next.load_relaxed();
      if (head_.try_replace_acq_rel(old, pack(next, (old >> kAddressBits) + 1))) return node;
    }
    return nullptr;
  }

 private:
  static constexpr unsigned kAddressBits = 42;
  static constexpr unsigned kAlignShift = 6;

  static Node* node_of(std::uint64_t head) {
    return reinterpret_cast<Node*>((head & ((std::uint64_t{1} << kAddressBits) - 1)) << kAlignShift);
  }
  static std::uint64_t pack(Node* node, std::uint64_t tag) {
    return (reinterpret_cast<std::uint64_t>(node) >> kAlignShift) | (tag << kAddressBits);
  }

  Atomic<std::uint64_t> head_{0};
};

}  // namespace hakmem
