#!/usr/bin/env python3
"""Tests of bench/limit: how a run ended, what it took, and what the table says of it."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import limit_report
import limit_run
from limit_run import Row

MIB = 2**20
MACHINE = {
    "date": "2026-01-01", "commit": "abc", "rounds": 2, "size": "limit 256 MiB", "processor": "P", "processors": 2, "memory_gib": 4.0,
    "kernel": "6", "huge_pages": "madvise", "load_average": "0 0 0", "system": "S", "libc": "glibc", "allocators": [],
}


def run(script, limit=None):
    return limit_run.run(["python3", "-c", script], {}, limit or limit_run.NoLimit(), "a", limit_report.FREE, 0)


def row(ended, number=0, peak=200 * MIB, place=limit_report.GROUP):
    return Row("a", place, number, ended, peak, 250 * MIB, 1.0, 2.0, 1000)


class Runs(unittest.TestCase):
    def test_one_that_finishes(self):
        result = run("print('finished'); b = bytearray(64 << 20)")
        self.assertEqual(result.ended, "finished")
        self.assertGreater(result.peak_rss_bytes, 64 * MIB)
        self.assertGreater(result.faults, 64 * MIB // 65536)

    def test_how_others_end(self):
        self.assertEqual(run("import os; os.kill(os.getpid(), 9)").ended, "killed by signal 9")
        self.assertEqual(run("import sys; sys.exit('no memory for 5 bytes')").ended, "no memory")
        self.assertEqual(run("import sys; sys.exit(3)").ended, "exited with 3")

    def test_the_address_space_is_limited(self):
        script = "import sys\ntry: b = bytearray(512 << 20)\nexcept MemoryError: sys.exit('no memory')\nprint('finished')"
        self.assertEqual(run(script).ended, "finished")
        self.assertEqual(run(script, limit_run.AddressSpace(256 * MIB)).ended, "no memory")

    @unittest.skipUnless(limit_run.can_make_group(), "no memory cgroup can be made here")
    def test_a_group_is_limited_and_tells_its_peak(self):
        self.assertEqual(run("b = bytearray(96 << 20); print('finished')", limit_run.Group(64 * MIB)).ended, "killed by signal 9")
        within = run("b = bytearray(32 << 20); print('finished')", limit_run.Group(64 * MIB))
        self.assertEqual(within.ended, "finished")
        self.assertTrue(32 * MIB < within.peak_charge_bytes <= 64 * MIB)


class Table(unittest.TestCase):
    def test_it_says_how_often_it_was_killed(self):
        self.assertEqual(limit_report.ended_cell([row("finished"), row("killed by signal 9", 1)]), "finished 1 of 2, killed by signal 9")
        self.assertEqual(limit_report.ended_cell([row("no memory")]), "no memory")
        self.assertEqual(limit_report.ended_cell([row("finished"), row("finished", 1)]), "finished")

    def test_figures_are_of_runs_that_finished(self):
        cells = limit_report.line("a", [row("finished", peak=100 * MIB), row("killed by signal 9", 1, peak=256 * MIB)])
        self.assertEqual(cells[2:4], ["100", "250"])
        self.assertEqual(limit_report.line("a", [row("no memory")])[2:], [""] * 4)

    def test_the_page_says_where_no_group_could_be_made(self):
        self.assertIn("No memory cgroup could be made", limit_report.render([row("finished", place=limit_report.FREE)], MACHINE))
        self.assertNotIn("No memory cgroup", limit_report.render([row("finished")], MACHINE))


if __name__ == "__main__":
    unittest.main()
