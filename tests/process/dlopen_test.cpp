// Modules that are loaded with RTLD_DEEPBIND, as php loads its extensions.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace {

TEST(Dlopen, AModuleBoundDeeplyFreesOurBlocks) {
  void* const handle = dlopen(FREES_FOR_OTHERS, RTLD_NOW | RTLD_DEEPBIND);
  ASSERT_NE(handle, nullptr) << dlerror();
  const auto free_it = reinterpret_cast<void (*)(void*)>(dlsym(handle, "free_for_others"));
  ASSERT_NE(free_it, nullptr);
  for (std::size_t bytes = 1; bytes < std::size_t{64} << 20; bytes *= 3) {
    for (int i = 0; i < 3; ++i) free_it(std::malloc(bytes));
  }
  EXPECT_EQ(dlclose(handle), 0);
}

TEST(Dlopen, AModuleThatIsNotThereIsAnError) {
  EXPECT_EQ(dlopen("/nowhere/module.so", RTLD_NOW | RTLD_DEEPBIND), nullptr);
  EXPECT_NE(dlerror(), nullptr);
}

// Found by the path in the module that calls, which nobody else has.
TEST(Dlopen, TheLibrariesOfTheModuleThatCalls) {
  void* const handle = dlopen(OPENS_NEIGHBOUR, RTLD_NOW);
  ASSERT_NE(handle, nullptr) << dlerror();
  const auto open_neighbour = reinterpret_cast<int (*)(const char*)>(dlsym(handle, "open_neighbour"));
  ASSERT_NE(open_neighbour, nullptr);
  EXPECT_EQ(dlopen("neighbour.so", RTLD_NOW), nullptr) << "also found without the module's path";
  EXPECT_EQ(open_neighbour("neighbour.so"), 0) << dlerror();
}

TEST(Dlopen, TheProgramItself) { EXPECT_NE(dlopen(nullptr, RTLD_NOW), nullptr); }

}  // namespace
