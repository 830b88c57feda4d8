// The main function of every test that runs under the preloaded library.
//
// Before any test it makes sure that the allocator under test is hakmem: a misspelt path in
// LD_PRELOAD is only a warning of the loader's, and every test would then praise glibc. To try the
// tests themselves on another allocator, set ALLOCATOR_UNDER_TEST=any.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

namespace {

const char* library_of(const char* symbol) {
  Dl_info info = {};
  void* const address = dlsym(RTLD_DEFAULT, symbol);
  return address != nullptr && dladdr(address, &info) != 0 ? info.dli_fname : "nowhere";
}

class AllocatorIsHakmem : public testing::Environment {
 public:
  void SetUp() override {
    const char* wanted = std::getenv("ALLOCATOR_UNDER_TEST");
    if (wanted != nullptr && std::strcmp(wanted, "any") == 0) return;
    ASSERT_NE(dlsym(RTLD_DEFAULT, "hak_malloc"), nullptr) << "run with LD_PRELOAD=libhakmem.so";
    ASSERT_STREQ(library_of("malloc"), library_of("hak_malloc"));
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new AllocatorIsHakmem);
  return RUN_ALL_TESTS();
}
