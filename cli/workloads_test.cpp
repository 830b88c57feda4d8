// Tests of how the built-in programs describe themselves.
#include "workloads.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace hakmem::cli {
namespace {

TEST(ParseHeader, ReadsTitleAndNeeds) {
  std::istringstream script(
      "#!/bin/sh\n# title: Sorts lines\n# needs: sort awk\n\n# needs: ignored\n");
  const Workload workload = parse_header(script);
  EXPECT_EQ(workload.title, "Sorts lines");
  EXPECT_EQ(workload.needs, (std::vector<std::string>{"sort", "awk"}));
  EXPECT_FALSE(workload.full_only);
}

TEST(ParseHeader, KnowsWhatIsTooLongForTheBuiltInSet) {
  std::istringstream script("#!/bin/sh\n# title: Compiles\n# set: full only\n");
  EXPECT_TRUE(parse_header(script).full_only);
}

TEST(ParseHeader, AFileWithoutHeaderHasNoTitle) {
  std::istringstream script("echo hello\n");
  EXPECT_EQ(parse_header(script).title, "");
}

TEST(MissingCommand, NamesTheFirstOneThatIsNotThere) {
  Workload workload;
  workload.needs = {"sh", "no-such-command", "nor-this"};
  EXPECT_EQ(missing_command(workload), "no-such-command");
  workload.needs = {"sh"};
  EXPECT_EQ(missing_command(workload), std::nullopt);
}

TEST(Workload, CommandNamesTheStepAndTheDirectory) {
  Workload workload;
  workload.script = "/p/sort.sh";
  EXPECT_EQ(workload.command("run", "/d"),
            (std::vector<std::string>{"/bin/sh", "/p/sort.sh", "run", "/d", "small"}));
}

}  // namespace
}  // namespace hakmem::cli
