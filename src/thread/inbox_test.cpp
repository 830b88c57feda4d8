// Inbox: bundles of a heap's own blocks on their way in, and when it is open.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "thread/heap_fixture.hpp"

namespace hakmem {
namespace {

// With so many blocks, which are none of ours.
Magazine* make_bundle(std::uint8_t blocks = 0) {
  Magazine* bundle = make_short_magazine();
  if (bundle == nullptr) std::abort();
  bundle->count = blocks;
  return bundle;
}

void recycle(Magazine* bundle) {
  bundle->count = 0;
  recycle_short_magazine(bundle);
}

unsigned recycle_all(Magazine* first) {
  unsigned n = 0;
  for (; first != nullptr; ++n) {
    Magazine* next = first->next.load_relaxed();
    recycle(first);
    first = next;
  }
  return n;
}

TEST(Inbox, DeliversWhatWasSentUpToItsLimit) {
  Inbox inbox;
  inbox.open();
  EXPECT_FALSE(inbox.has_mail());
  EXPECT_EQ(inbox.receive(), nullptr);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(inbox.send(make_bundle(1), 3));
  Magazine* const fourth = make_bundle(1);
  EXPECT_FALSE(inbox.send(fourth, 3)) << "full: it stays the sender's";
  EXPECT_TRUE(inbox.has_mail());
  EXPECT_EQ(recycle_all(inbox.receive()), 3u);
  EXPECT_FALSE(inbox.has_mail());
  EXPECT_TRUE(inbox.send(fourth, 3)) << "room again";
  EXPECT_EQ(recycle_all(inbox.close()), 1u);
}

TEST(Inbox, CountsBlocksNotBundles) {
  Inbox inbox;
  inbox.open();
  ASSERT_TRUE(inbox.send(make_bundle(3), 8));
  ASSERT_TRUE(inbox.send(make_bundle(4), 8));
  EXPECT_EQ(inbox.blocks(), 7u);
  Magazine* const long_one = make_bundle(2);
  EXPECT_FALSE(inbox.send(long_one, 8));
  EXPECT_TRUE(inbox.send(make_bundle(1), 8));
  recycle(long_one);
  EXPECT_EQ(recycle_all(inbox.close()), 3u);
}

TEST(Inbox, TakesNoMoreBundlesThanItMay) {
  Inbox inbox;
  inbox.open();
  for (std::uint32_t i = 0; i < Inbox::kMostBundles; ++i) ASSERT_TRUE(inbox.send(make_bundle(1), 10'000)) << i;
  Magazine* const one_more = make_bundle(1);
  EXPECT_FALSE(inbox.send(one_more, 10'000));
  EXPECT_EQ(inbox.blocks(), Inbox::kMostBundles);
  recycle(one_more);
  EXPECT_EQ(recycle_all(inbox.close()), Inbox::kMostBundles);
}

TEST(Inbox, TakesNothingWhileClosed) {  // (2)
  Inbox inbox;
  inbox.open();
  EXPECT_EQ(inbox.close(), nullptr);
  Magazine* const bundle = make_bundle(1);
  EXPECT_FALSE(inbox.send(bundle, 3));
  inbox.open();
  EXPECT_TRUE(inbox.send(bundle, 3));
  EXPECT_EQ(recycle_all(inbox.close()), 1u);
}

// Senders against one receiver who closes in the end: each bundle is received once or refused.
TEST(Inbox, LosesNothingBetweenSendersAndReceiver) {
  constexpr unsigned kSenders = 3;
  constexpr unsigned kEach = 5000;
  Inbox inbox;
  inbox.open();
  std::atomic<unsigned> sent{0};
  std::atomic<unsigned> sending{kSenders};
  std::vector<std::thread> senders;
  for (unsigned id = 0; id < kSenders; ++id) {
    senders.emplace_back([&] {
      for (unsigned i = 0; i < kEach; ++i) {
        Magazine* bundle = make_bundle(1);
        bundle->slots()[0] = i;  // contents travel with it
        if (inbox.send(bundle, 40)) ++sent;
        else recycle(bundle);
      }
      --sending;
    });
  }
  unsigned received = 0;
  while (sending.load() > kSenders / 2) received += recycle_all(inbox.receive());  // and then close on the rest
  received += recycle_all(inbox.close());
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(received, sent.load());
  EXPECT_GT(received, 0u);
}

TEST(HeapInbox, GetsNoBundlesWhileParked) {  // (2)
  bring_everything_home();
  OwnerId owner{};
  from_another_thread([&] { owner = thread_heap()->id(); });
  Magazine* const bundle = make_bundle();
  EXPECT_FALSE(heap_of(owner)->send(class_of(64), bundle));
  recycle(bundle);
  bring_everything_home();
}

// One that shares has no mail: what is for its id is from the time before, and goes home.
TEST(HeapInbox, GetsBundlesOnceTheHeapHasSlabsOfItsOwn) {  // (2)
  for (const bool shared_before : {false, true}) {
    from_another_thread([shared_before] { shared_before ? deallocate(allocate(64)) : work_for_a_while(); });
    bring_everything_home();
    Magazine* const bundle = make_bundle();
    from_another_thread([&] {
      Heap* heap = thread_heap();
      EXPECT_FALSE(heap->send(class_of(64), bundle)) << shared_before;
      work_for_a_while();
      ASSERT_EQ(owner_of(Tag{thread_cache.tag}), heap->id());
      ASSERT_TRUE(heap->send(class_of(64), bundle)) << shared_before;
      heap->flush_all();
    });
    bring_everything_home();
  }
}

// In a child process, whose main thread gives its heap up first: the only one has slabs of its own at once.
TEST(HeapInbox, OfTheOnlyThreadIsOpenWhenItWasClosedBefore) {  // (2)
  const auto take_a_closed_one = [](bool shared_before) {
    std::thread([shared_before] { shared_before ? deallocate(allocate(64)) : work_for_a_while(); }).join();
    leave_thread_heap();
    close_parked_heaps(0, true);
    bool sent = false;
    std::thread([&sent] { sent = thread_heap()->send(class_of(64), make_bundle()); }).join();
    _exit(sent ? 0 : 1);
  };
  bring_everything_home();
  for (const bool shared_before : {false, true}) EXPECT_EXIT(take_a_closed_one(shared_before), testing::ExitedWithCode(0), "") << shared_before;
}

}  // namespace
}  // namespace hakmem
