"""results.md of bench/limit: for each allocator and limit, how the program ended and what it took."""
import statistics

from compare_report import table, three_digits
from limit_run import FINISHED

FREE = "no limit"
GROUP = "cgroup"
SPACE = "RLIMIT_AS"
MIB = 2**20


def ended_cell(rows):
    """"finished", or how often it did and how it ended else."""
    others = list(dict.fromkeys(row.ended for row in rows if row.ended != FINISHED))
    finished = sum(row.ended == FINISHED for row in rows)
    if not others:
        return FINISHED
    return (f"finished {finished} of {len(rows)}, " if finished else "") + ", ".join(others)


def spread(values):
    return f"{three_digits(statistics.median(values))} [{three_digits(min(values))}-{three_digits(max(values))}]"


def line(allocator, rows):
    complete = [row for row in rows if row.ended == FINISHED]
    if not complete:
        return [allocator, ended_cell(rows), "", "", "", ""]
    charge = statistics.median(row.peak_charge_bytes for row in complete) / MIB
    return [allocator, ended_cell(rows), f"{statistics.median(row.peak_rss_bytes for row in complete) / MIB:.0f}",
            f"{charge:.0f}" if charge else "", spread([row.cpu_seconds for row in complete]),
            f"{statistics.median(row.faults for row in complete):.0f}"]


def of_place(rows, place):
    allocators = list(dict.fromkeys(row.allocator for row in rows))
    lines = [line(name, [row for row in rows if row.allocator == name and row.place == place]) for name in allocators]
    return table(["allocator", "ended", "peak RSS, MiB", "peak charge, MiB", "CPU, s", "page faults"], lines)


def render(rows, machine):
    places = [place for place in (FREE, GROUP, SPACE) if any(row.place == place for row in rows)]
    parts = ["# Who lives within a memory limit",
             f"{machine['date']}, commit {machine['commit']}: {machine['rounds']} interleaved rounds, {machine['size']}. "
             f"{machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
             f"huge pages {machine['huge_pages']}, {machine['system']}, {machine['libc']}. "
             f"Load average at the end: {machine['load_average']}.",
             table(["allocator", "file", "sha256 begins"],
                   [[entry["name"], entry["file"], entry.get("sha256", "")] for entry in machine["allocators"]]),
             "Medians of the runs that finished; CPU with its spread [lowest-highest]. Page faults are all of the run's; each that is "
             "more than under another allocator is a page that was given back and touched again."]
    for place in places:
        parts += [f"## {place}", of_place(rows, place)]
    if GROUP not in places:
        parts.append("No memory cgroup could be made where this ran.")
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
