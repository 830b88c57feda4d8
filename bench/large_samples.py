"""The samples of bench/large: one row per run, as kept in samples.csv, and the bills that are read from them.

    bill = CPU seconds + price x GiB-seconds of resident memory

A setting is an allocator with variables. `price` is the one it was told, or 0 where it knows of none: such a run is
billed at every price. A row with a failure has no figures.
"""
import dataclasses
import statistics

PRICES = (0.0125, 0.125, 1.25)


@dataclasses.dataclass
class Row:
    workload: str
    allocator: str
    setting: str
    price: float
    round: int
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    gib_seconds: float = 0.0
    peak_rss_bytes: int = 0
    minor_faults: int = 0
    failure: str = ""

    def bill(self, price):
        return self.cpu_seconds + price * self.gib_seconds


class Samples:
    """All rows, by workload, setting and price."""

    def __init__(self, rows):
        self.rows = rows
        self.workloads = list(dict.fromkeys(row.workload for row in rows))
        self.settings = list(dict.fromkeys((row.allocator, row.setting) for row in rows))
        self.by_key = {}
        for row in rows:
            self.by_key.setdefault((row.workload, row.allocator, row.setting), []).append(row)

    def runs(self, workload, setting, price):
        """The rows that count at this price; none when the setting was not measured at it, or failed."""
        rows = [row for row in self.by_key.get((workload, *setting), []) if row.price in (0, price)]
        return [] if any(row.failure for row in rows) else rows

    def bill(self, workload, setting, price):
        """The median, or None."""
        rows = self.runs(workload, setting, price)
        return statistics.median(row.bill(price) for row in rows) if rows else None

    def spread(self, workload, setting, price):
        """Lowest and highest bill."""
        bills = [row.bill(price) for row in self.runs(workload, setting, price)]
        return min(bills), max(bills)

    def rounds(self, workload, setting, price):
        """{round: bill} of the rows that count at this price."""
        return {row.round: row.bill(price) for row in self.runs(workload, setting, price)}

    def over_best_of_other_rounds(self, workload, setting, rivals, price):
        """The bill of `setting` over that of the rival that the other rounds found cheapest, the median of the rounds; None with
        fewer than two. What is cheapest by chance in a round is not what is billed, as it is by best()."""
        ours = self.rounds(workload, setting, price)
        theirs = {rival: self.rounds(workload, rival, price) for rival in rivals}
        ratios = []
        for number, bill in ours.items():
            seen = {rival: [one for key, one in bills.items() if key != number] for rival, bills in theirs.items() if number in bills}
            elsewhere = {rival: statistics.median(bills) for rival, bills in seen.items() if bills}
            if elsewhere and (best := theirs[min(elsewhere, key=elsewhere.get)][number]):
                ratios.append(bill / best)
        return statistics.median(ratios) if ratios else None

    def best(self, workload, settings, price):
        """The cheapest of these settings, by its median bill, or None."""
        bills = {setting: self.bill(workload, setting, price) for setting in settings}
        known = {setting: bill for setting, bill in bills.items() if bill is not None}
        return min(known, key=known.get, default=None)
