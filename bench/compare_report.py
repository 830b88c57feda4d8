"""results.md of bench/compare, from the samples and the machine's description.

All ratios are cost ratios of the baseline over a peer: below 1 the baseline is better, be it time, time per operation
or memory. Bold: the baseline wins. Italic: the peer wins. Plain: the medians differ by no more than the wider spread.
"""
import math

from compare_samples import PRICES, tests_of

LEVEL_NAMED = 3
GROUPS = (("micro", "micro/"), ("one block", "one_block/"), ("8 threads", "threads8/"), ("64 threads", "threads64/"), ("paced", "paced/"),
          ("real", "real/"), ("all", ""))  # those that have tests


def three_digits(value):
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values)) if values else None


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def format_of(test):
    return "{:g}".format if test.measure == "count" else three_digits


class Report:
    def __init__(self, rows, machine, baseline):
        self.machine = machine
        everything = tests_of(rows)
        self.tests = [test for test in everything if test.measure != "count"]
        self.counts = [test for test in everything if test.measure == "count"]
        self.allocators = list(dict.fromkeys(row.allocator for row in rows))
        self.ours = baseline if baseline in self.allocators else self.allocators[0]
        self.peers = [name for name in self.allocators if name != self.ours]
        self.groups = [(name, prefix) for name, prefix in GROUPS if self.group(prefix)]

    def group(self, prefix, *allocators):
        return [test for test in self.tests if test.name.startswith(prefix) and test.complete(*allocators)]

    def mean(self, prefix, allocator, ratio):
        return geometric_mean([ratio(test) for test in self.group(prefix, self.ours, allocator)])

    def summary(self):
        """One row per peer: geometric means by group, and how often who wins."""
        rows = []
        for peer in self.peers:
            means = [self.mean(prefix, peer, lambda test: test.ratio(self.ours, peer)[0]) for _, prefix in self.groups]
            means.append(self.mean("real/", peer, lambda test: test.cpu_ratio(self.ours, peer)))
            means += [self.mean(prefix, peer, lambda test: test.rss_ratio(self.ours, peer)) for _, prefix in self.groups]
            winners = [test.winner(self.ours, peer) for test in self.group("", self.ours, peer)]
            counts = [winners.count(self.ours), winners.count(None), winners.count(peer)]
            rows.append([peer, *(f"{mean:.2f}" if mean else "" for mean in means), *map(str, counts)])
        header = [f"{self.ours} over", *(f"time, {name}" for name, _ in self.groups), "CPU, real", *(f"RSS, {name}" for name, _ in self.groups)]
        return table([*header, "wins", "ties", "losses"], rows)

    def ratio_cell(self, test, peer):
        if not test.complete(self.ours, peer):
            return "failed" if peer in test.series else ""
        ratio, lowest, highest = test.ratio(self.ours, peer)
        mark = {self.ours: "**", peer: "*", None: ""}[test.winner(self.ours, peer)]
        return f"{mark}{ratio:.2f}{mark} [{lowest:.2f}-{highest:.2f}]"

    def best(self, test):
        """The allocator with the best median, and those it does not beat by more than the spread."""
        complete = [name for name in self.allocators if test.complete(name)]
        if not complete:
            return ""
        first = min(complete, key=lambda name: test.cost_ratio(test.series[name].value.median, 1))
        level = [name for name in complete if name != first and test.winner(first, name) is None]
        if len(level) > LEVEL_NAMED:
            level = [f"{len(level)} others"]
        return first + (f" (level: {', '.join(level)})" if level else "")

    def time_ratios(self):
        rows = [[test.name, *(self.ratio_cell(test, peer) for peer in self.peers), self.best(test)] for test in self.tests]
        return table(["test", *self.peers, "best median"], rows)

    def rss_ratios(self):
        def cell(test, peer):
            return f"{test.rss_ratio(self.ours, peer):.2f}" if test.complete(self.ours, peer) else ""

        def smallest(test):
            complete = [name for name in self.allocators if test.complete(name)]
            return min(complete, key=lambda name: test.series[name].rss_mib.median, default="")

        rows = [[test.name, *(cell(test, peer) for peer in self.peers), smallest(test)] for test in self.tests]
        return table(["test", *self.peers, "smallest"], rows)

    def bill_ratios(self):
        def cells(test, peer):
            if not test.complete(self.ours, peer):
                return [""] * len(PRICES)
            return [f"{test.bill_ratio(self.ours, peer, price):.2f}" for price in PRICES]

        rows = [[test.name, *(cell for peer in self.peers for cell in cells(test, peer))] for test in self.tests]
        return table(["test", *(f"{peer}, {price}" for peer in self.peers for price in PRICES)], rows)

    def values(self, unit_of, spread_of, tests):
        """Medians with spreads, one column per allocator."""
        def cell(test, allocator):
            if not test.complete(allocator):
                return "failed" if allocator in test.series else ""
            spread = spread_of(test.series[allocator])
            median, lowest, highest = map(format_of(test), (spread.median, spread.lowest, spread.highest))
            return f"{median} [{lowest}-{highest}]"

        rows = [[f"{test.name}, {unit_of(test)}", *(cell(test, name) for name in self.allocators)] for test in tests]
        return table(["test", *self.allocators], rows)

    def notes(self):
        for test in [*self.tests, *self.counts]:
            for allocator, series in test.series.items():
                if series.failure:
                    yield f"- {test.name} under {allocator}: {series.failure}"
                if series.differs:
                    yield f"- {test.name} under {allocator}: prints something else than under glibc"

    def conditions(self):
        machine = self.machine
        yield (f"{machine['date']}, commit {machine['commit']}: {machine['rounds']} interleaved rounds, {machine['size']} inputs. "
               f"{machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB, "
               f"Linux {machine['kernel']}, huge pages {machine['huge_pages']}, {machine['system']}, {machine['libc']}. "
               f"Load average at the end: {machine['load_average']}.")
        rows = [[entry["name"], entry["file"], entry.get("sha256", ""),
                 " ".join(f"{name}={value}" for name, value in entry["variables"].items())]
                for entry in machine["allocators"]]
        yield table(["allocator", "file", "sha256 begins", "variables"], rows)


def render(rows, machine, baseline):
    report = Report(rows, machine, baseline)
    units = {"time": "s", "throughput": "Mops/s", "count": "lines", "bill": "CPU s"}
    parts = [f"# {report.ours} beside other allocators", *report.conditions(), "## Geometric means",
             f"Cost of {report.ours} over the peer's: below 1, {report.ours} is better. Time is wall time, or time per operation where "
             "a benchmark states a rate; CPU is user and system time, which other load on the machine disturbs less. RSS is the peak of the largest process. A difference of medians that is no larger than "
             "the wider spread is a tie.", report.summary(), "## Time",
             f"Ratio of the medians [lowest-highest within one round]. **Bold**: {report.ours} wins. *Italic*: the peer wins. Plain: a tie.",
             report.time_ratios(), "## Peak RSS", report.rss_ratios(), "## Bill",
             "CPU seconds and the price of the peak RSS for all of the time, which is more than was held: medians' ratios, by price. Tests named "
             "paced/ print their own bill, with what was resident in the mean: that is their row under Time.", report.bill_ratios()]
    if report.counts:
        parts += ["## Lines that hold live blocks of two threads", "Counted, not timed; fewer is better.",
                  report.values(lambda test: "lines", lambda series: series.value, report.counts)]
    parts += ["## Values", "Median [lowest-highest].",
              report.values(lambda test: units[test.measure], lambda series: series.value, report.tests),
              report.values(lambda test: "MiB", lambda series: series.rss_mib, report.tests)]
    notes = list(report.notes())
    if notes:
        parts += ["## Failures and differences", "\n".join(notes)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
