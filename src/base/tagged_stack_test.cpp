// Tagged stack: last in, first out; from many threads, every node is held by one of them.
#include "base/tagged_stack.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace hakmem {
namespace {

struct alignas(64) Node {
  Atomic<Node*> next;
  std::atomic<int> holders{0};
  std::uint64_t written_by_holder = 0;  // plain: ThreadSanitizer sees a hand-over that does not synchronise
};

using Stack = TaggedStack<Node>;

void run_on_threads(int count, const auto& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
  for (std::thread& thread : threads) thread.join();
}

// Pops a node and notes whether somebody else holds it.
Node* hold(Stack& stack, std::atomic<int>& doubled) {
  Node* node = stack.pop();
  if (node == nullptr) return nullptr;
  if (node->holders.fetch_add(1, std::memory_order_relaxed) != 0) ++doubled;
  ++node->written_by_holder;
  return node;
}

void put_back(Stack& stack, Node* node) {
  node->holders.fetch_sub(1, std::memory_order_relaxed);
  stack.push(node);
}

std::size_t drain(Stack& stack) {
  std::size_t n = 0;
  while (Node* node = stack.pop()) {
    EXPECT_EQ(node->holders.exchange(1), 0) << "a node twice in the stack";
    ++n;
  }
  return n;
}

TEST(TaggedStack, IsLastInFirstOut) {
  std::array<Node, 3> nodes;
  Stack stack;
  EXPECT_TRUE(stack.empty());
  EXPECT_EQ(stack.pop(), nullptr);
  for (Node& node : nodes) stack.push(&node);
  EXPECT_FALSE(stack.empty());
  for (std::size_t i = nodes.size(); i-- > 0;) EXPECT_EQ(stack.pop(), &nodes[i]);
  EXPECT_EQ(stack.pop(), nullptr);
}

TEST(TaggedStack, AChainKeepsItsOrder) {
  std::array<Node, 4> nodes;
  Stack stack;
  stack.push(&nodes[3]);
  nodes[0].next.store_relaxed(&nodes[1]);
  nodes[1].next.store_relaxed(&nodes[2]);
  stack.push_chain(&nodes[0], &nodes[2]);
  for (Node& node : nodes) EXPECT_EQ(stack.pop(), &node);
  EXPECT_TRUE(stack.empty());
}

// The tag has 22 bits: after that many pops it starts over and must not leak into the address.
TEST(TaggedStack, TheTagStartsOver) {
  std::array<Node, 2> nodes;
  Stack stack;
  stack.push(&nodes[0]);
  stack.push(&nodes[1]);
  for (unsigned i = 0; i < (1U << 22) + 3; ++i) {
    Node* node = stack.pop();
    ASSERT_EQ(node, &nodes[1]) << i;
    stack.push(node);
  }
  EXPECT_EQ(drain(stack), 2u);
}

TEST(TaggedStack, ThreadsPassNodesRoundWithoutLosingOrDoublingOne) {
  constexpr std::size_t kNodes = 64;
  const auto nodes = std::make_unique<Node[]>(kNodes);
  Stack stack;
  for (std::size_t i = 0; i < kNodes; ++i) stack.push(&nodes[i]);
  std::atomic<int> doubled{0};
  run_on_threads(4, [&](int) {
    std::vector<Node*> held;
    for (int step = 0; step < 20'000; ++step) {
      if (Node* node = hold(stack, doubled)) held.push_back(node);
      if (held.size() > 5 || step % 3 == 0) {
        for (Node* node : held) put_back(stack, node);
        held.clear();
      }
    }
    for (Node* node : held) put_back(stack, node);
  });
  EXPECT_EQ(doubled.load(), 0);
  EXPECT_EQ(drain(stack), kNodes);
}

// A link that lets a test act between pop()'s look at the head's successor and its exchange.
struct StoppingNode;
struct StoppingLink {
  StoppingNode* load_relaxed() const {
    StoppingNode* seen = value;
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    return seen;
  }
  void store_relaxed(StoppingNode* node) { value = node; }

  StoppingNode* value = nullptr;
  static inline std::function<void()> meanwhile;
};
struct alignas(64) StoppingNode {
  StoppingLink next;
};

// The interleaving of the header, step by step: T1 has seen head A and A.next = B when T2 pops A,
// pops B and pushes A. T1's exchange must not publish B, which T2 holds.
TEST(TaggedStack, AHeadThatCameBackIsNotTakenForTheOldOne) {
  std::array<StoppingNode, 3> nodes;
  StoppingNode* const a = &nodes[2];
  StoppingNode* const b = &nodes[1];
  TaggedStack<StoppingNode> stack;
  for (StoppingNode& node : nodes) stack.push(&node);
  StoppingLink::meanwhile = [&] {
    EXPECT_EQ(stack.pop(), a);
    EXPECT_EQ(stack.pop(), b);
    stack.push(a);
  };
  EXPECT_EQ(stack.pop(), a);
  EXPECT_EQ(stack.pop(), &nodes[0]) << "B is held";
  EXPECT_EQ(stack.pop(), nullptr);
}

// A push in between is no harm either way: the pop starts over and takes the newer node.
TEST(TaggedStack, APushDuringAPopIsSeen) {
  std::array<StoppingNode, 2> nodes;
  TaggedStack<StoppingNode> stack;
  stack.push(&nodes[0]);
  StoppingLink::meanwhile = [&] { stack.push(&nodes[1]); };
  EXPECT_EQ(stack.pop(), &nodes[1]);
  EXPECT_EQ(stack.pop(), &nodes[0]);
  EXPECT_EQ(stack.pop(), nullptr);
}

// The same by chance: everybody pops two and pushes the first one first. Three nodes for four threads.
TEST(TaggedStack, FewNodesGoRoundBetweenManyThreads) {
  constexpr std::size_t kNodes = 3;
  const auto nodes = std::make_unique<Node[]>(kNodes);
  Stack stack;
  for (std::size_t i = 0; i < kNodes; ++i) stack.push(&nodes[i]);
  std::atomic<int> doubled{0};
  run_on_threads(4, [&](int) {
    for (int step = 0; step < 30'000; ++step) {
      Node* a = hold(stack, doubled);
      Node* b = hold(stack, doubled);
      if (a != nullptr) put_back(stack, a);
      if (b != nullptr) put_back(stack, b);
    }
  });
  EXPECT_EQ(doubled.load(), 0);
  EXPECT_EQ(drain(stack), kNodes);
}

}  // namespace
}  // namespace hakmem
