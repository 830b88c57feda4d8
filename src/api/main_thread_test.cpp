// The main thread: which one it is, here and in a child that another thread has forked.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "os/thread.hpp"
#include "thread/boot_hook.hpp"

namespace hakmem {
namespace {

bool is_main_in_another_thread() {
  bool is_main = true;
  std::thread([&is_main] { is_main = os::is_main_thread(); }).join();
  return is_main;
}

TEST(MainThread, IsTheFirst) {
  EXPECT_TRUE(os::is_main_thread()) << "before it has been noted";
  EXPECT_FALSE(is_main_in_another_thread());
  boot();
  EXPECT_TRUE(os::is_main_thread());
  EXPECT_FALSE(is_main_in_another_thread());
}

TEST(MainThread, IsNotNotedByAnother) {
  std::thread(os::note_main_thread).join();
  EXPECT_TRUE(os::is_main_thread());
}

TEST(MainThread, OfAChildIsTheOneThatForked) {
  boot();
  int status = -1;
  std::thread([&status] {
    const pid_t child = fork();
    if (child == 0) _exit(os::is_main_thread() ? 0 : 1);
    waitpid(child, &status, 0);
  }).join();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace hakmem
