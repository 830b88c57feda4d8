"""What bench/warm_start prints: the second run's bill over the first's, below 1 the profile has helped."""
import dataclasses
import statistics

from compare_report import geometric_mean, table, three_digits

NEEDED = 4  # traces on which the second run is to be cheaper


@dataclasses.dataclass
class Pair:
    """Samples of `hakmem replay --json` in one round."""
    workload: str
    first: dict
    second: dict

    def over(self, price):
        return bill(self.second, price) / bill(self.first, price)


def bill(sample, price):
    return sample["cpu_seconds"] + price * sample["gib_seconds"]


def by_workload(pairs):
    grouped = {}
    for pair in pairs:
        grouped.setdefault(pair.workload, []).append(pair)
    return grouped


def lower(pairs, price):
    """On how many traces the second run is cheaper, by the median of its rounds."""
    return sum(statistics.median(pair.over(price) for pair in group) < 1 for group in by_workload(pairs).values())


def row(workload, pairs, price):
    ratios = [pair.over(price) for pair in pairs]
    median = lambda figure: statistics.median(figure(pair) for pair in pairs)
    return [workload,
            three_digits(median(lambda pair: bill(pair.first, price))), three_digits(median(lambda pair: bill(pair.second, price))),
            f"{statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]",
            f"{median(lambda pair: pair.first['minor_faults']):.0f}", f"{median(lambda pair: pair.second['minor_faults']):.0f}"]


def render(pairs, price):
    groups = by_workload(pairs)
    header = ["trace", "first run's bill, s", "second's", "second over first", "faults, first", "second"]
    rows = [row(workload, group, price) for workload, group in groups.items()]
    mean = geometric_mean([statistics.median(pair.over(price) for pair in group) for group in groups.values()])
    rows.append(["**geometric mean**", "", "", f"{mean:.2f}", "", ""])
    return (table(header, rows) +
            f"\nThe second run is cheaper on {lower(pairs, price)} of {len(groups)} traces at a price of {price:g}.\n")
