// Tests of the text table: alignment, gaps, overlong last cells, colours.
#include "table.hpp"

#include <gtest/gtest.h>

namespace hakmem::cli {
namespace {

Table two_columns() { return Table({{"name", Align::kLeft}, {"time", Align::kRight}}); }

TEST(Table, AlignsColumnsToTheWidestCell) {
  Table table = two_columns();
  table.add_row({{"a"}, {"1.25 s"}});
  table.add_row({{"longer"}, {"10 s"}});
  EXPECT_EQ(table.render(false),
            "name      time\n"
            "--------------\n"
            "a       1.25 s\n"
            "longer    10 s\n");
}

TEST(Table, AGapIsAnEmptyLine) {
  Table table = two_columns();
  table.add_row({{"a"}, {"1"}});
  table.add_gap();
  table.add_row({{"b"}, {"2"}});
  EXPECT_EQ(table.render(false),
            "name  time\n"
            "----------\n"
            "a        1\n"
            "\n"
            "b        2\n");
}

TEST(Table, AShortRowMayEndInALongSentence) {
  Table table({{"a", Align::kLeft}, {"b", Align::kLeft}, {"c", Align::kLeft}});
  table.add_row({{"1"}, {"killed by a signal"}});
  table.add_row({{"1"}, {"2"}, {"3"}});
  EXPECT_EQ(table.render(false),
            "a  b  c\n"
            "-------\n"
            "1  killed by a signal\n"
            "1  2  3\n");
}

TEST(Table, ColoursDoNotChangeTheWidth) {
  Table table = two_columns();
  table.add_row({{"a", Style::kGood}, {"1"}});
  EXPECT_NE(table.render(true).find("\033[32ma\033[0m        1\n"), std::string::npos);
}

TEST(Styled, PlainTextStaysPlain) {
  EXPECT_EQ(styled("x", Style::kPlain, true), "x");
  EXPECT_EQ(styled("x", Style::kBad, false), "x");
  EXPECT_EQ(styled("x", Style::kBad, true), "\033[31mx\033[0m");
}

}  // namespace
}  // namespace hakmem::cli
