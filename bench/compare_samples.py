"""The samples of bench/compare: one row per run, as kept in samples.csv, and what is read from them.

A row without figures stands for a run that failed; its status says how. Time and CPU are seconds, peak RSS is KiB. The
measure says what decides: `time`, `count` or `bill` (less is better), or `throughput` (more is better).
"""
import dataclasses
import statistics

# CPU seconds that a GiB held for a second may cost.
PRICES = (0.125, 1.25)


@dataclasses.dataclass
class Row:
    test: str
    measure: str
    allocator: str
    round: int
    wall_seconds: float
    cpu_seconds: float
    peak_rss_kib: int
    metric: float
    status: str

    @staticmethod
    def of_sample(test, measure, allocator, sample, status):
        cpu = round(sample["user_seconds"] + sample["system_seconds"], 6)
        return Row(test, measure, allocator, sample["round"], round(sample["wall_seconds"], 6), cpu,
                   sample["peak_rss_kib"], sample.get("metric", 0.0), status)

    @staticmethod
    def without_sample(test, measure, allocator, status):
        return Row(test, measure, allocator, -1, 0.0, 0.0, 0, 0.0, " ".join(status.split()))

    def bill(self, price):
        """CPU seconds and the price of what was held, the peak all the time: the most that it can have been."""
        return self.cpu_seconds + price * self.peak_rss_kib / 1024**2 * self.wall_seconds

    @property
    def value(self):
        return self.wall_seconds if self.measure == "time" else self.metric


class Spread:
    """Median, lowest and highest of some values."""

    def __init__(self, values):
        self.median = statistics.median(values)
        self.lowest = min(values)
        self.highest = max(values)
        self.count = len(values)

    @property
    def width(self):
        return self.highest - self.lowest


class Series:
    """What one allocator did in one test; `failure` is empty when every run worked."""

    def __init__(self, rows):
        measured = [row for row in rows if row.round >= 0]
        self.failure = next((row.status for row in rows if row.round < 0), "")
        self.differs = any(row.status != "ok" for row in measured)
        self.by_round = {row.round: row.value for row in measured}
        self.value = Spread([row.value for row in measured]) if measured else None
        self.bills = {price: Spread([row.bill(price) for row in measured]) for price in PRICES} if measured else None
        self.cpu = Spread([row.cpu_seconds for row in measured]) if measured else None
        self.rss_mib = Spread([row.peak_rss_kib / 1024 for row in measured]) if measured else None

    @property
    def complete(self):
        return not self.failure and self.value is not None


class Test:
    """All series of one test, by allocator."""

    def __init__(self, name, rows):
        self.name = name
        self.measure = rows[0].measure
        by_allocator = {}
        for row in rows:
            by_allocator.setdefault(row.allocator, []).append(row)
        self.series = {allocator: Series(own) for allocator, own in by_allocator.items()}

    def complete(self, *allocators):
        return all(name in self.series and self.series[name].complete for name in allocators)

    def cost_ratio(self, ours, theirs):
        """Cost of ours over cost of theirs: below 1, ours is better, whatever is measured."""
        mine, other = (theirs, ours) if self.measure == "throughput" else (ours, theirs)
        return mine / other

    def ratio(self, ours, theirs):
        """Ratio of the medians, with the lowest and the highest ratio within one round."""
        mine, other = self.series[ours], self.series[theirs]
        rounds = [self.cost_ratio(mine.by_round[number], other.by_round[number])
                  for number in mine.by_round.keys() & other.by_round.keys()]
        return self.cost_ratio(mine.value.median, other.value.median), min(rounds), max(rounds)

    def cpu_ratio(self, ours, theirs):
        return self.series[ours].cpu.median / self.series[theirs].cpu.median

    def bill_ratio(self, ours, theirs, price):
        return self.series[ours].bills[price].median / self.series[theirs].bills[price].median

    def rss_ratio(self, ours, theirs):
        return self.series[ours].rss_mib.median / self.series[theirs].rss_mib.median

    def winner(self, ours, theirs):
        """The better of two by their medians, None when these differ by no more than the wider spread."""
        mine, other = self.series[ours].value, self.series[theirs].value
        difference = other.median - mine.median
        if min(mine.count, other.count) < 2 or abs(difference) <= max(mine.width, other.width):
            return None
        return ours if (difference > 0) == (self.measure != "throughput") else theirs


def tests_of(rows):
    """The tests in the order they were measured."""
    by_test = {}
    for row in rows:
        by_test.setdefault(row.test, []).append(row)
    return [Test(name, own) for name, own in by_test.items()]
