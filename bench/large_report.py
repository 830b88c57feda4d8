"""results.md and results.csv of bench/large, from its samples: hakmem's bill over that of others, below 1 is better."""
import csv
import statistics

from compare_report import geometric_mean, table, three_digits
from large_samples import PRICES

OURS = ("hakmem", "hindsight")
DEFAULT = "default"
MIB = 2**20


def is_peer(setting):
    return setting[0] != OURS[0]


def is_fixed(setting):
    return setting[0] == OURS[0] and setting[1].startswith("fixed:")


def label(setting):
    return setting[0] if setting[1] == DEFAULT else " ".join(setting)


class Report:
    def __init__(self, samples, machine, bounds=None):
        self.samples = samples
        self.bounds = bounds
        self.machine = machine
        self.fixed = [setting for setting in samples.settings if is_fixed(setting)]
        self.peers = [setting for setting in samples.settings if is_peer(setting)]
        self.defaults = [setting for setting in self.peers if setting[1] == DEFAULT]
        self.others = [setting for setting in samples.settings if setting not in self.defaults and setting != OURS]

    def over(self, workload, setting, price):
        """Our bill over that of `setting`, or None."""
        return quotient(self.samples.bill(workload, OURS, price), self.samples.bill(workload, setting, price) if setting else None)

    def over_best(self, workload, settings, price):
        return self.over(workload, self.samples.best(workload, settings, price), price)

    def over_bound(self, workload, price):
        return quotient(self.samples.bill(workload, OURS, price), self.bound(workload, price))

    def bound(self, workload, price):
        return self.bounds.bill(self.samples, workload, price) if self.bounds else None

    def bound_over(self, workload, setting, price):
        return quotient(self.bound(workload, price), self.samples.bill(workload, setting, price) if setting else None)

    def over_best_of_other_rounds(self, workload, settings, price):
        return self.samples.over_best_of_other_rounds(workload, OURS, settings, price)

    def mean(self, ratio, prices=PRICES):
        """Geometric mean of ratio(workload, price) over all workloads; None where there is nothing."""
        ratios = [ratio(workload, price) for workload in self.samples.workloads for price in prices]
        return geometric_mean([one for one in ratios if one is not None])

    def highest(self, ratio):
        ratios = [ratio(workload, price) for workload in self.samples.workloads for price in PRICES]
        return max((one for one in ratios if one is not None), default=None)

    def best_single(self, settings):
        """The setting with the lowest bill over the whole suite: in the mean, our ratio to it is the highest."""
        means = {setting: self.mean(lambda w, p, s=setting: self.over(w, s, p)) for setting in settings}
        return max((setting for setting in settings if means[setting]), key=means.get, default=None)

    def columns(self):
        """(title, ratio(workload, price)) of the main table."""
        if self.bounds:
            yield "the bound", self.over_bound
        yield "best fixed arm", lambda w, p: self.over_best(w, self.fixed, p)
        yield "best fixed arm of other rounds", lambda w, p: self.over_best_of_other_rounds(w, self.fixed, p)
        yield "best default", lambda w, p: self.over_best(w, self.defaults, p)
        yield "best default of other rounds", lambda w, p: self.over_best_of_other_rounds(w, self.defaults, p)
        yield "best of all peers", lambda w, p: self.over_best(w, self.peers, p)
        for setting in self.defaults:
            yield label(setting), lambda w, p, s=setting: self.over(w, s, p)

    def rows(self):
        for workload in self.samples.workloads:
            for price in PRICES:
                bill = self.samples.bill(workload, OURS, price)
                if bill is not None:
                    yield workload, price, bill, self.samples.spread(workload, OURS, price)

    def ratios(self):
        header = ["workload", "price", "hakmem's bill, s"]
        header += [f"over {title}" for title, _ in self.columns()]
        lines = []
        for workload, price, bill, (lowest, highest) in self.rows():
            cells = [cell(ratio(workload, price)) for _, ratio in self.columns()]
            lines.append([workload, f"{price:g}", f"{three_digits(bill)} [{three_digits(lowest)}-{three_digits(highest)}]", *cells])
        for price in PRICES:
            lines.append(["**geometric mean**", f"{price:g}", "", *(cell(self.mean(r, (price,))) for _, r in self.columns())])
        lines.append(["**geometric mean**", "all", "", *(cell(self.mean(r)) for _, r in self.columns())])
        lines.append(["**highest**", "all", "", *(cell(self.highest(r)) for _, r in self.columns())])
        return table(header, lines)

    def settings_means(self):
        """hakmem over every setting, over the whole suite."""
        lines = []
        for setting in [*self.others, *self.defaults]:
            means = [self.mean(lambda w, p, s=setting: self.over(w, s, p), (price,)) for price in PRICES]
            lines.append([label(setting), *map(cell, means), cell(self.mean(lambda w, p, s=setting: self.over(w, s, p)))])
        return table(["hakmem over", *(f"price {price:g}" for price in PRICES), "all"], lines)

    def values(self, workload):
        lines = []
        for setting in self.samples.settings:
            for price in sorted({row.price for row in self.samples.by_key.get((workload, *setting), [])}):
                lines.append([label(setting), f"{price:g}" if price else "", *self.figures(workload, setting, price)])
        return table(["setting", "told price", "CPU, s", "GiB-s", "average MiB", "peak MiB", "faults",
                      *(f"bill at {price:g}" for price in PRICES)], lines)

    def figures(self, workload, setting, told):
        rows = [row for row in self.samples.by_key[(workload, *setting)] if row.price == told]
        failure = next((row.failure for row in rows if row.failure), "")
        if failure:
            return [f"failed: {failure}", *[""] * (4 + len(PRICES))]
        median = lambda value: statistics.median(map(value, rows))
        bills = [three_digits(median(lambda row, p=price: row.bill(p))) if told in (0, price) else "" for price in PRICES]
        return [spread_cell([row.cpu_seconds for row in rows]), three_digits(median(lambda row: row.gib_seconds)),
                three_digits(median(lambda row: row.gib_seconds * 1024 / row.wall_seconds)),
                three_digits(median(lambda row: row.peak_rss_bytes / MIB)), f"{median(lambda row: row.minor_faults):.0f}", *bills]

    def conditions(self):
        machine = self.machine
        yield (f"{machine['date']}, commit {machine['commit']}: {machine['rounds']} interleaved rounds, {machine['size']}. "
               f"{machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB, "
               f"Linux {machine['kernel']}, huge pages {machine['huge_pages']}, {machine['system']}, {machine['libc']}. "
               f"Load average at the end: {machine['load_average']}.")
        yield table(["allocator", "file", "sha256 begins"],
                    [[entry["name"], entry["file"], entry.get("sha256", "")] for entry in machine["allocators"]])
        notes = machine.get("notes", {})
        if notes:
            yield "At their default alone:\n" + "\n".join(f"- {name}: {why}." for name, why in notes.items())
        if "long-pause" in self.samples.workloads:
            yield "`long-pause` is never sped up: that its pauses of up to 30 s are real is what it is for."


def quotient(a, b):
    return a / b if a is not None and b else None


def cell(ratio):
    return f"{ratio:.2f}" if ratio is not None else ""


def spread_cell(values):
    return f"{three_digits(statistics.median(values))} [{three_digits(min(values))}-{three_digits(max(values))}]"


def verdict(report):
    single = report.best_single(report.peers)
    lines = []
    for what, settings in (("the best fixed arm measured", report.fixed), ("the best of the peers' defaults", report.defaults)):
        lines += [(what, report.mean(lambda w, p, of=settings: report.over_best(w, of, p))),
                  (f"{what}, found in the other rounds", report.mean(lambda w, p, of=settings: report.over_best_of_other_rounds(w, of, p)))]
    if single:
        lines.append((f"the best single setting of a peer, {label(single)}", report.mean(lambda w, p: report.over(w, single, p))))
    lines += [("the bound", report.mean(report.over_bound))]
    return "\n".join(f"- over {what}: **{cell(mean)}**" for what, mean in lines if mean is not None)


def bound_verdict(report):
    """How far below others the bound is."""
    rivals = [("the best fixed arm", report.fixed), ("the best of the peers' defaults", report.defaults)]
    ratios = [(what, report.mean(lambda w, p, of=of: report.bound_over(w, report.samples.best(w, of, p), p))) for what, of in rivals]
    if single := report.best_single(report.peers):
        ratios.append((f"the best single setting of a peer, {label(single)}", report.mean(lambda w, p: report.bound_over(w, single, p))))
    return "\n".join(f"- over {what}: {cell(ratio)}" for what, ratio in ratios if ratio is not None)


def bound_part(report):
    if not report.bounds:
        return []
    return ["The bound says how low a bill can be, on small pages: the least work of any setting here (CPU time without its faults), and the "
            "faults and memory of somebody who knows every idle time beforehand, whose blocks lie side by side, whose pages serve any block, and "
            "whom giving back costs nothing (`cli/page_bound.hpp`). In the same mean the bound itself is", bound_verdict(report)]


def render(samples, machine, bounds=None):
    report = Report(samples, machine, bounds)
    parts = ["# Large blocks: CPU and memory in one bill", *report.conditions(),
             "bill = CPU seconds + price x GiB-seconds of resident memory (live blocks too, which nobody avoids). hakmem is told each "
             "price (`HAKMEM_PRICE`); the others cannot be. Cells are hakmem's bill over that of the column, medians; below 1 hakmem is "
             "better. hakmem is `HAKMEM_MODE=hybrid` with hindsight, its default.",
             "In the geometric mean over workloads and prices, hakmem's bill is", verdict(report),
             "The best of several is chosen anew for each workload and price. Of equals that move from run to run the lowest lies below "
             "all of them; so it is also found in the other rounds, and billed in the one left out (the median of those ratios).",
             *bound_part(report),
             "## Bills", report.ratios(),
             "## hakmem's bill over that of every setting, geometric means", report.settings_means(), "## Values",
             "Medians; CPU with its spread [lowest-highest]. A setting that was told a price is billed at that price alone."]
    for workload in samples.workloads:
        parts += [f"### {workload}", report.values(workload)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def write_csv(path, samples, machine, bounds=None):
    report = Report(samples, machine, bounds)
    columns = list(report.columns())
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["workload", "price", "bill", "lowest", "highest", *(f"over {title}" for title, _ in columns)])
        for workload, price, bill, spread in report.rows():
            figures = [ratio(workload, price) for _, ratio in columns]
            writer.writerow([workload, price, *(f"{value:.6g}" for value in (bill, *spread)),
                             *("" if ratio is None else f"{ratio:.4f}" for ratio in figures)])
