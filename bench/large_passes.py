"""The order in which bench/large measures, and what may stop it in between.

A pass is one workload in one round under every setting. It is measured whole or not at all, so that at any end all
settings of a workload have the same number of rounds. All workloads come once before any comes again.
"""
import collections
import dataclasses
import time


@dataclasses.dataclass(frozen=True)
class Pass:
    workload: str
    round: int


def key_of(row):
    return row.allocator, row.setting, row.price


def in_order(workloads, rounds):
    """Every pass: the workloads by name, round after round."""
    return [Pass(workload, number) for number in range(rounds) for workload in workloads]


def whole(rows, settings):
    """The passes among `rows` that have all of these settings, given as (allocator, setting, price)."""
    measured = collections.defaultdict(set)
    for row in rows:
        measured[Pass(row.workload, row.round)].add(key_of(row))
    return {one for one, keys in measured.items() if keys >= set(settings)}


def rows_that_stay(rows, workloads, done):
    """Those of other workloads, and of passes that are done already."""
    return [row for row in rows if row.workload not in workloads or Pass(row.workload, row.round) in done]


def rounds_done(rows):
    """How many rounds the workloads have: "3", or "1 to 3"."""
    counts = collections.defaultdict(set)
    for row in rows:
        counts[row.workload].add(row.round)
    numbers = sorted({len(rounds) for rounds in counts.values()})
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


class Deadline:
    """When to stop: `minutes` from now, or never."""

    def __init__(self, minutes, clock=time.monotonic):
        self.clock = clock
        self.end = clock() + 60 * minutes if minutes else float("inf")
        self.longest = {}

    def note(self, workload, began):
        """A pass of `workload` that began at `began` is over."""
        self.longest[workload] = max(self.longest.get(workload, 0), self.clock() - began)

    def allows(self, workload):
        """Whether a pass of `workload` is over in time, if it takes as long as its longest; the first is always begun."""
        return self.clock() + self.longest.get(workload, 0) < self.end

    def is_over(self):
        return self.clock() >= self.end
