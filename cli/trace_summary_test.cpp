// Tests of what is said about a trace.
#include "trace_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hakmem::cli {
namespace {

using ::testing::HasSubstr;

TEST(TraceSummary, SaysWhatWasUsedWhenAndFromWhere) {
  Trace trace;
  trace.sites = {"unknown", "libbig.so+0x10"};
  trace.events = {{0, 1, 100, 0, 0, Op::kAllocate},
                  {1000, 2, 3 << 20, 0, 1, Op::kAllocate},
                  {2'001'000, 2, 0, 1, 0, Op::kFree}};
  trace.end_ns = 3'000'000'000;
  trace.lost = 4;
  const std::string text = trace_text(trace, false);
  EXPECT_THAT(text,
              HasSubstr("3 events in 3.00 s by 2 threads: 2 allocations, 1 frees, 0 resizes"));
  EXPECT_THAT(text, HasSubstr("4 lost"));
  EXPECT_THAT(text, HasSubstr("at most 3.00 MiB, at 1.00 us; 100 B in 1 blocks at the end"));
  EXPECT_THAT(text, HasSubstr("2.00 MiB to 4.00 MiB"));
  EXPECT_THAT(text, HasSubstr("libbig.so+0x10"));
  EXPECT_THAT(text, HasSubstr("2.00 ms"));
}

TEST(TraceSummary, TimesAreShort) {
  EXPECT_EQ(time_text(250), "250 ns");
  EXPECT_EQ(time_text(1500), "1.50 us");
  EXPECT_EQ(time_text(12'340'000), "12.3 ms");
  EXPECT_EQ(time_text(59'000'000'000), "59.0 s");
  EXPECT_EQ(time_text(150'000'000'000), "2.5 min");
}

}  // namespace
}  // namespace hakmem::cli
