// A program that gives up system calls, and is killed for any other than those that it kept: what it kept for malloc are those that
// the C library's makes, and madvise to give memory back, as sandboxes of servers have them.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "support/opaque.hpp"

namespace {

using support::opaque;

constexpr unsigned kCalls[] = {SYS_mmap,          SYS_munmap,       SYS_mremap, SYS_mprotect, SYS_brk,  SYS_futex,
                               SYS_clock_gettime, SYS_rt_sigreturn, SYS_write,  SYS_exit,     SYS_exit_group, SYS_mlockall};

sock_filter load(std::size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)); }
sock_filter unless(unsigned value, unsigned char skip) { return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip); }
sock_filter answer(unsigned action) { return BPF_STMT(BPF_RET | BPF_K, action); }

bool keep_few_calls() {
  std::vector<sock_filter> filter = {load(offsetof(seccomp_data, nr))};
  for (const unsigned call : kCalls) {
    filter.push_back(unless(call, 1));
    filter.push_back(answer(SECCOMP_RET_ALLOW));
  }
  filter.push_back(unless(SYS_madvise, 5));
  filter.push_back(load(offsetof(seccomp_data, args[2])));
  for (const unsigned advice : {unsigned{MADV_DONTNEED}, unsigned{MADV_FREE}}) {
    filter.push_back(unless(advice, 1));
    filter.push_back(answer(SECCOMP_RET_ALLOW));
  }
  filter.push_back(answer(SECCOMP_RET_KILL_PROCESS));
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void fill(void* block, std::size_t bytes) {
  if (block == nullptr) _exit(2);
  for (std::size_t i = 0; i < bytes; i += 4096) static_cast<char*>(block)[i] = 1;
}

// All sizes, blocks that grow, masses that become idle, and time enough for all of it to be looked at.
void allocate_for(double seconds) {
  timespec begin{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  double passed = 0;
  for (unsigned round = 0; passed < seconds; ++round) {
    std::vector<void*> blocks;
    for (std::size_t size = 16; size <= (std::size_t{48} << 20); size += size / 2) {
      blocks.push_back(std::malloc(size));
      fill(blocks.back(), size);
    }
    void* growing = nullptr;
    for (std::size_t size = 4096; size <= (std::size_t{64} << 20); size *= 2) {
      growing = std::realloc(growing, size);
      fill(growing, size);
    }
    for (int i = 0; i < 1000; ++i) std::free(opaque(std::malloc(std::size_t{1} << (16 + i % 4))));
    std::free(growing);
    for (void* block : blocks) std::free(block);
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    passed = static_cast<double>(now.tv_sec - begin.tv_sec) + static_cast<double>(now.tv_nsec - begin.tv_nsec) * 1e-9;
  }
}

// A child, which ends as the filter has it. 0: by itself.
template <typename Work>
int status_of_child(Work work) {
  const pid_t child = fork();
  if (child == 0) {
    if (!keep_few_calls()) _exit(3);
    work();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST(Sandbox, AnyOtherCallIsTheEnd) {
  const int status = status_of_child([] { syscall(SYS_getppid); });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

TEST(Sandbox, NoneIsMade) {
  EXPECT_EQ(status_of_child([] { allocate_for(2.5); }), 0);
}

// Among threads, where what nobody uses of the page map is unlocked otherwise.
TEST(Sandbox, NoneIsMadeForMlockall) {
  const pid_t child = fork();
  if (child == 0) {
    std::thread([] { pause(); }).detach();
    if (!keep_few_calls()) _exit(3);
    mlockall(MCL_CURRENT);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// The program has used everything before.
TEST(Sandbox, NoneIsMadeByWhoAllocatedBefore) {
  EXPECT_EQ(status_of_child([] {}), 0);
  allocate_for(0.5);
  EXPECT_EQ(status_of_child([] { allocate_for(1); }), 0);
}

// ... and its threads sleep: the filter is that of the thread which asks for it.
TEST(Sandbox, NoneIsMadeByAThread) {
  int status = -1;
  const pid_t child = fork();
  if (child == 0) {
    std::thread([] { allocate_for(0.2); }).join();
    std::thread([] {
      if (!keep_few_calls()) _exit(3);
      allocate_for(1.5);
      _exit(0);
    }).join();
  }
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
