#!/usr/bin/env python3
"""Tests of what bench/large computes from its samples: bills, prices, the best settings, failures, the files."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import large_bounds
import large_passes
import large_report
import large_settings
import row_file
from large_passes import Pass
from large_report import OURS, Report
from large_samples import PRICES, Row, Samples

MACHINE = {
    "date": "2026-01-01", "commit": "abc", "rounds": 2, "size": "brief", "processor": "P", "processors": 2,
    "memory_gib": 4.0, "kernel": "6", "huge_pages": "madvise", "load_average": "0 0 0", "system": "S", "libc": "glibc",
    "compiler": "c++", "allocators": [{"name": "peer", "file": "libpeer.so", "sha256": "0123", "variables": {}}],
}


def row(allocator, setting, cpu, gib_seconds, workload="w", price=0.0, number=0, failure=""):
    return Row(workload, allocator, setting, price, number, 10.0, cpu, gib_seconds, 2**20, 7, failure)


def ours(cpu, gib_seconds, **options):
    return [row(*OURS, cpu, gib_seconds, price=price, **options) for price in PRICES]


class Bills(unittest.TestCase):
    def test_a_bill_is_cpu_and_priced_memory(self):
        self.assertAlmostEqual(row("a", "default", 1, 8).bill(0.125), 2)

    def test_a_setting_that_was_told_a_price_counts_at_that_price_alone(self):
        samples = Samples([row(*OURS, 1, 0, price=0.0125), row(*OURS, 3, 0, price=1.25), row("peer", "default", 2, 0)])
        self.assertEqual([samples.bill("w", OURS, price) for price in PRICES], [1, None, 3])
        self.assertEqual([samples.bill("w", ("peer", "default"), price) for price in PRICES], [2, 2, 2])

    def test_the_median_of_rounds_with_its_spread(self):
        samples = Samples([row("peer", "default", cpu, 0, number=number) for number, cpu in enumerate((1, 5, 2))])
        self.assertEqual(samples.bill("w", ("peer", "default"), 1.25), 2)
        self.assertEqual(samples.spread("w", ("peer", "default"), 1.25), (1, 5))

    def test_one_failure_and_there_is_no_bill(self):
        samples = Samples([row("peer", "default", 1, 0), row("peer", "default", 0, 0, number=1, failure="exited")])
        self.assertIsNone(samples.bill("w", ("peer", "default"), 0.125))


class Ratios(unittest.TestCase):
    def setUp(self):
        self.rows = [*ours(1, 0), row("hakmem", "fixed:0", 4, 0), row("hakmem", "fixed:keep", 2, 0),
                     row("a", "default", 2, 0), row("a", "keeps", 0.5, 0), row("b", "default", 8, 0)]

    def test_below_one_hakmem_is_better(self):
        report = Report(Samples(self.rows), MACHINE)
        self.assertEqual(report.over("w", ("a", "default"), 0.125), 0.5)
        self.assertEqual(report.over("w", ("a", "keeps"), 0.125), 2)
        self.assertIsNone(report.over("w", ("c", "default"), 0.125))

    def test_the_best_is_chosen_among_its_kind(self):
        over = {title: ratio("w", 0.125) for title, ratio in Report(Samples(self.rows), MACHINE).columns()}
        self.assertEqual(over, {"best fixed arm": 0.5, "best fixed arm of other rounds": None, "best default": 0.5,
                                "best default of other rounds": None, "best of all peers": 2, "a": 0.5, "b": 0.125})

    def test_the_best_of_other_rounds_is_billed_in_its_own(self):
        # Each of two equals is cheap in one round, and then dear in the one that is billed.
        rows = [*ours(2, 0), *ours(2, 0, number=1), row("a", "default", 1, 0), row("a", "default", 3, 0, number=1),
                row("b", "default", 3, 0), row("b", "default", 1, 0, number=1)]
        report = Report(Samples(rows), MACHINE)
        self.assertAlmostEqual(report.over_best_of_other_rounds("w", report.defaults, 0.125), 2 / 3)
        self.assertIsNone(report.over_best_of_other_rounds("w", report.fixed, 0.125))

    def test_who_fails_is_no_best_of_other_rounds(self):
        rows = [*ours(2, 0), *ours(2, 0, number=1), row("a", "default", 4, 0), row("a", "default", 4, 0, number=1),
                row("b", "default", 1, 0), row("b", "default", 0, 0, number=1, failure="exited")]
        report = Report(Samples(rows), MACHINE)
        self.assertAlmostEqual(report.over_best_of_other_rounds("w", report.defaults, 0.125), 0.5)

    def test_the_page_has_both_bests(self):
        rows = [*ours(2, 0), *ours(2, 0, number=1), row("a", "default", 4, 0), row("a", "default", 4, 0, number=1)]
        page = large_report.render(Samples(rows), MACHINE)
        self.assertIn("- over the best of the peers' defaults, found in the other rounds: **0.50**", page)

    def test_the_best_single_setting_is_one_for_the_whole_suite(self):
        both = [*self.rows, *ours(1, 0, workload="v"), row("a", "default", 2, 0, workload="v"), row("a", "keeps", 100, 0, workload="v")]
        report = Report(Samples(both), MACHINE)
        self.assertEqual(report.best_single(report.peers), ("a", "default"))

    def test_the_highest_is_of_all_workloads_and_prices(self):
        both = [*self.rows, *ours(1, 0, workload="v"), row("a", "default", 0.25, 0, workload="v")]
        report = Report(Samples(both), MACHINE)
        self.assertEqual(report.highest(lambda w, p: report.over(w, ("a", "default"), p)), 4)
        self.assertIsNone(report.highest(lambda w, p: None))

    def test_a_mean_is_geometric_over_workloads_and_prices(self):
        both = [*self.rows, *ours(1, 0, workload="v"), row("a", "default", 8, 0, workload="v")]
        report = Report(Samples(both), MACHINE)
        self.assertAlmostEqual(report.mean(lambda w, p: report.over(w, ("a", "default"), p)), 0.25)


class TheBound(unittest.TestCase):
    """Work of 1 s, faults of 0.5 s, memory for 0.25 s at 0.125: a bill of 1.75."""

    def setUp(self):
        self.samples = Samples([*ours(3, 4), row("a", "default", 1.007, 20), row("b", "default", 0, 0, failure="exited")])
        bounds = [large_bounds.Bound("w", price, 1e-3, 500, 2.0) for price in PRICES]
        self.report = Report(self.samples, MACHINE, large_bounds.Bounds(bounds))

    def test_it_is_the_least_work_and_the_least_of_faults_and_memory(self):
        self.assertAlmostEqual(self.report.bound("w", 0.125), 1 + 0.5 + 0.25)
        self.assertAlmostEqual(self.report.over_bound("w", 0.125), 3.5 / 1.75)
        self.assertAlmostEqual(self.report.bound_over("w", ("a", "default"), 0.125), 1.75 / 3.507)
        self.assertIsNone(self.report.over_bound("v", 0.125))

    def test_where_all_have_failed_there_is_none(self):
        samples = Samples([row("a", "default", 0, 0, failure="exited")])
        self.assertIsNone(self.report.bounds.bill(samples, "w", 0.125))

    def test_work_is_not_negative(self):
        self.assertEqual(large_bounds.least_work(Samples([row("a", "default", 1, 0)]), "w", 1), 0)

    def test_work_is_the_median_of_rounds(self):
        rows = [row("a", "default", cpu, 0, number=number) for number, cpu in enumerate((1.007, 5.007, 2.007))]
        self.assertAlmostEqual(large_bounds.least_work(Samples(rows), "w", 1e-3), 2)

    def test_the_page_says_how_far_below_others_it_is(self):
        page = large_report.render(self.samples, MACHINE, self.report.bounds)
        self.assertIn("- over the best of the peers' defaults: 0.45", page)
        self.assertIn("| over the bound |", page)
        self.assertNotIn("bound", large_report.render(self.samples, MACHINE, large_bounds.Bounds([])))


class Passes(unittest.TestCase):
    KEYS = [("a", "default", 0.0), ("b", "default", 0.0)]

    def rows(self, *places):
        return [row(allocator, "default", 1, 0, workload=workload, number=number) for allocator, workload, number in places]

    def test_every_workload_comes_once_before_any_comes_again(self):
        self.assertEqual(large_passes.in_order(["v", "w"], 2), [Pass("v", 0), Pass("w", 0), Pass("v", 1), Pass("w", 1)])

    def test_a_pass_that_lacks_a_setting_is_measured_again(self):
        rows = self.rows(("a", "w", 0), ("b", "w", 0), ("a", "w", 1))
        done = large_passes.whole(rows, self.KEYS)
        self.assertEqual(done, {Pass("w", 0)})
        self.assertEqual(large_passes.rows_that_stay(rows, ["w"], done), rows[:2])

    def test_other_workloads_stay(self):
        rows = self.rows(("a", "v", 0), ("a", "w", 0))
        self.assertEqual(large_passes.rows_that_stay(rows, ["w"], set()), rows[:1])

    def test_the_page_says_how_many_rounds_there_are(self):
        self.assertEqual(large_passes.rounds_done(self.rows(("a", "v", 0), ("a", "v", 1))), "2")
        self.assertEqual(large_passes.rounds_done(self.rows(("a", "v", 0), ("a", "v", 1), ("a", "w", 0))), "1 to 2")

    def test_nothing_is_begun_that_takes_longer_than_what_is_left(self):
        now = [0.0]
        deadline = large_passes.Deadline(1, clock=lambda: now[0])
        now[0] = 25
        deadline.note("v", 0)
        self.assertTrue(deadline.allows("v"))
        now[0] = 40
        self.assertFalse(deadline.allows("v"))
        self.assertTrue(deadline.allows("w"))
        self.assertFalse(deadline.is_over())
        now[0] = 60
        self.assertTrue(deadline.is_over())

    def test_without_minutes_there_is_no_end(self):
        now = [0.0]
        deadline = large_passes.Deadline(None, clock=lambda: now[0])
        now[0] = 1e9
        self.assertTrue(deadline.allows("w"))
        self.assertFalse(deadline.is_over())


class Settings(unittest.TestCase):
    def test_a_peer_has_two_extremes_or_a_reason_for_having_none(self):
        for name in ("mimalloc", "jemalloc", "gperftools", "glibc", "tcmalloc", "snmalloc", "rpmalloc-2"):
            settings = [setting.name for setting in large_settings.of(name, quick=False)]
            has_reason = name in large_settings.notes([name])
            self.assertEqual(settings, ["default"] if has_reason else ["default", "returns", "keeps"], name)

    def test_the_page_has_the_reason(self):
        page = large_report.render(Samples(ours(1, 1)), {**MACHINE, "notes": large_settings.notes(["snmalloc", "glibc"])})
        self.assertIn("- snmalloc: reads no variable", page)
        self.assertNotIn("- glibc: ", page)


class Files(unittest.TestCase):
    def test_samples_come_back_as_they_were(self):
        rows = [*ours(1.5, 2.25), row("peer", "default", 0, 0, failure="killed by signal 9, at once")]
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "samples.csv"
            row_file.write(path, Row, rows)
            self.assertEqual(row_file.read(path, Row), rows)

    def test_the_page_names_failures_and_the_machine(self):
        samples = Samples([*ours(1, 1), row("peer", "default", 2, 1), row("ill", "default", 0, 0, failure="exited with 1")])
        page = large_report.render(samples, MACHINE)
        self.assertIn("failed: exited with 1", page)
        self.assertIn("libpeer.so", page)
        self.assertIn("| w | 0.125 |", page)

    def test_the_table_as_csv(self):
        samples = Samples([*ours(1, 0), row("peer", "default", 2, 0)])
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "results.csv"
            large_report.write_csv(path, samples, MACHINE)
            lines = path.read_text().splitlines()
        self.assertEqual(lines[0], "workload,price,bill,lowest,highest,over best fixed arm,over best fixed arm of other rounds,"
                                   "over best default,over best default of other rounds,over best of all peers,over peer")
        self.assertEqual(lines[1], "w,0.0125,1,1,1,,,0.5000,,0.5000,0.5000")


if __name__ == "__main__":
    unittest.main()
