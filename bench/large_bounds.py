"""How low a bill can be, for the workloads of bench/large: bounds.csv, one row per workload and price.

    bound = the least work of any setting + fault_seconds x faults + price x gib_seconds

Faults and memory are the least of any allocator on small pages (cli/page_bound.hpp), a fault as cheap as where one call makes many pages
resident. The work is CPU time without faults: what playing the trace takes, and the least that any allocator measured has needed for
itself. So none measured that has at least as many faults is below.
"""
import dataclasses
import json
import statistics
import tempfile

import replays
from large_samples import PRICES


@dataclasses.dataclass
class Bound:
    workload: str
    price: float
    fault_seconds: float
    faults: int
    gib_seconds: float  # live, and idle where that costs less than faults


def measured_fault_seconds(build, trace):
    costs = replays.simulate(build, trace, ["--price", "1", "--costs", "measured"])["costs"]
    return min(costs["fault_s"], costs["populate_s"])


def of_workload(build, workload, fault_seconds):
    """Played faster, times are shorter, as if memory cost so much less."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as costs:
        json.dump({"fault_s": fault_seconds}, costs)
        costs.flush()
        prices = ",".join(str(price / workload.speed) for price in PRICES)
        simulated = replays.simulate(build, workload.trace, ["--costs", costs.name, "--price", prices])
    for price, row in zip(PRICES, simulated["simulations"]):
        bound = row["bound"]
        yield Bound(workload.name, price, fault_seconds, bound["faults"], (bound["live_gib_s"] + bound["idle_gib_s"]) / workload.speed)


class Bounds:
    """Of no rows it is False."""

    def __init__(self, rows):
        self.by_key = {(row.workload, row.price): row for row in rows}

    def __bool__(self):
        return bool(self.by_key)

    def bill(self, samples, workload, price):
        """The bound's, or None where there is none."""
        bound = self.by_key.get((workload, price))
        work = least_work(samples, workload, bound.fault_seconds) if bound else None
        return None if work is None else work + bound.fault_seconds * bound.faults + price * bound.gib_seconds


def least_work(samples, workload, fault_seconds):
    """CPU seconds without faults: medians of each setting and told price, of them the least, where not all have failed.

    Not negative: the cost of a fault is measured, and of many the product may be too much.
    """
    works = {}
    for row in samples.rows:
        if row.workload == workload and not row.failure:
            work = row.cpu_seconds - fault_seconds * row.minor_faults
            works.setdefault((row.allocator, row.setting, row.price), []).append(work)
    return max(0, min(map(statistics.median, works.values()))) if works else None
