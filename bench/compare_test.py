#!/usr/bin/env python3
"""Tests of what bench/compare computes from its samples: directions, ties, failures, the file, the page."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import compare_report
import compare_samples
import row_file
from compare_samples import Row

MACHINE = {
    "date": "2026-01-01", "commit": "abc", "rounds": 2, "size": "small", "processor": "P", "processors": 2,
    "memory_gib": 4.0, "kernel": "6", "huge_pages": "madvise", "load_average": "0 0 0", "system": "S", "libc": "glibc",
    "compiler": "c++", "allocators": [{"name": "peer", "file": "libpeer.so", "sha256": "0123", "variables": {"A": "1"}}],
}


def rows(test, measure, allocator, values, rss_kib=2048):
    for number, value in enumerate(values):
        wall, metric = (value, 0.0) if measure == "time" else (1.0, value)
        yield Row(test, measure, allocator, number, wall, wall, rss_kib, metric, "ok")


def one_test(measure, ours, theirs, **options):
    both = [*rows("real/x", measure, "hakmem", ours), *rows("real/x", measure, "peer", theirs, **options)]
    return compare_samples.tests_of(both)[0]


class Ratios(unittest.TestCase):
    def test_below_one_is_better_for_time_and_for_throughput(self):
        for measure, ours, theirs in (("time", [1, 1, 1], [2, 2, 2]), ("throughput", [2, 2, 2], [1, 1, 1])):
            test = one_test(measure, ours, theirs)
            self.assertEqual(test.ratio("hakmem", "peer"), (0.5, 0.5, 0.5))
            self.assertEqual(test.winner("hakmem", "peer"), "hakmem")
            self.assertEqual(test.winner("peer", "hakmem"), "hakmem")

    def test_a_lower_count_wins(self):
        self.assertEqual(one_test("count", [0, 0], [5, 5]).winner("hakmem", "peer"), "hakmem")

    def test_the_spread_of_a_ratio_is_taken_within_rounds(self):
        ratio, lowest, highest = one_test("time", [1, 2, 3], [2, 2, 2]).ratio("hakmem", "peer")
        self.assertEqual((ratio, lowest, highest), (1, 0.5, 1.5))

    def test_a_difference_within_the_wider_spread_is_a_tie(self):
        self.assertIsNone(one_test("time", [1.0, 1.0, 1.0], [0.9, 1.2, 1.3]).winner("hakmem", "peer"))

    def test_one_round_wins_nothing(self):
        self.assertIsNone(one_test("time", [1], [2]).winner("hakmem", "peer"))

    def test_memory(self):
        self.assertEqual(one_test("time", [1, 1], [1, 1], rss_kib=8192).rss_ratio("hakmem", "peer"), 0.25)

    def test_geometric_mean(self):
        self.assertAlmostEqual(compare_report.geometric_mean([0.5, 2]), 1)
        self.assertIsNone(compare_report.geometric_mean([]))


class Samples(unittest.TestCase):
    def test_the_file_gives_back_what_was_written(self):
        written = [*rows("real/x", "time", "hakmem", [1.5, 2.5]), Row.without_sample("real/x", "time", "peer", "exit\ncode 1")]
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "samples.csv"
            row_file.write(path, Row, written)
            self.assertEqual(row_file.read(path, Row), written)

    def test_a_failure_leaves_the_series_incomplete(self):
        test = compare_samples.tests_of([*rows("real/x", "time", "peer", [1]),
                                         Row.without_sample("real/x", "time", "peer", "killed")])[0]
        self.assertFalse(test.complete("peer"))
        self.assertEqual(test.series["peer"].failure, "killed")


class Page(unittest.TestCase):
    def page(self, *more):
        samples = [*rows("micro/m", "throughput", "hakmem", [200, 200]), *rows("micro/m", "throughput", "peer", [100, 100]),
                   *rows("real/r", "time", "hakmem", [2, 2]), *rows("real/r", "time", "peer", [1, 1]), *more]
        return compare_report.render(samples, MACHINE, "hakmem")

    def test_means_by_group_and_wins(self):
        self.assertIn("| peer | 0.50 | 2.00 | 1.00 | 2.00 | 1.00 | 1.00 | 1.00 | 1 | 0 | 1 |", self.page())

    def test_bold_wins_and_italic_losses(self):
        self.assertIn("| micro/m | **0.50** [0.50-0.50] | hakmem |", self.page())
        self.assertIn("| real/r | *2.00* [2.00-2.00] | peer |", self.page())

    def test_counts_stand_apart_from_times(self):
        page = self.page(*rows("micro/f", "count", "hakmem", [0, 0]), *rows("micro/f", "count", "peer", [7, 7]))
        self.assertIn("| micro/f, lines | 0 [0-0] | 7 [7-7] |", page)
        self.assertIn("| peer | 0.50 | 2.00 | 1.00 |", page)

    def test_failures_are_named(self):
        page = self.page(Row.without_sample("real/z", "time", "peer", "exit code 3"))
        self.assertIn("- real/z under peer: exit code 3", page)


if __name__ == "__main__":
    unittest.main()
