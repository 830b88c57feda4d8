#!/usr/bin/env python3
"""Tests of what bench/warm_start reckons from its runs."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import warm_report
from warm_report import Pair


def sample(cpu, gib_seconds=0.0, faults=10):
    return {"cpu_seconds": cpu, "gib_seconds": gib_seconds, "minor_faults": faults}


class WarmStart(unittest.TestCase):
    def test_a_bill_is_cpu_and_priced_memory(self):
        self.assertAlmostEqual(Pair("a", sample(1, 8), sample(1, 0)).over(0.125), 0.5)

    def test_the_median_of_the_rounds_decides(self):
        pairs = [Pair("a", sample(1), sample(second)) for second in (0.9, 0.8, 3)]
        pairs += [Pair("b", sample(1), sample(second)) for second in (0.5, 1.1, 1.2)]
        self.assertEqual(warm_report.lower(pairs, 0.125), 1)

    def test_equal_is_not_cheaper(self):
        self.assertEqual(warm_report.lower([Pair("a", sample(1), sample(1))], 0.125), 0)

    def test_the_table_has_every_trace_and_the_verdict(self):
        text = warm_report.render([Pair("a", sample(1), sample(0.5)), Pair("b", sample(1), sample(2, faults=20))], 0.125)
        self.assertIn("| a | 1.00 | 0.500 | 0.50 [0.50-0.50] | 10 | 10 |", text)
        self.assertIn("| b | 1.00 | 2.00 | 2.00 [2.00-2.00] | 10 | 20 |", text)
        self.assertIn("cheaper on 1 of 2 traces at a price of 0.125", text)


if __name__ == "__main__":
    unittest.main()
