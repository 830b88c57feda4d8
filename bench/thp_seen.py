#!/usr/bin/env python3
"""What real programs have on huge pages: each once under each allocator, looked at every 10 ms.

usage: bench/thp_seen.py DIRECTORY [--only PATTERN] NAME=X.so[,VARIABLE=VALUE] ...

Writes DIRECTORY/huge.csv: for each program of bench/compare (small inputs, which must have been made) the most that one of its
processes had at once, in MiB: AnonHugePages of /proc/PID/smaps_rollup. Looking disturbs the program: no time is taken here.
"""
import argparse
import csv
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PERIOD_SECONDS = 0.01
LIMIT_SECONDS = 120


def descendants(pid):
    """The process and all below it, as far as they still live."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += descendants(int(child))
    except OSError:
        pass
    return found


def huge_kib(pid):
    try:
        found = re.search(r"^AnonHugePages:\s*(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found.group(1)) if found else 0


def most_huge_mib(command, variables):
    process = subprocess.Popen(command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    deadline = time.monotonic() + LIMIT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        most = max([most, *(huge_kib(pid) for pid in descendants(process.pid))])
        time.sleep(PERIOD_SECONDS)
    if process.poll() is None:
        process.kill()
        sys.exit(f"{command[1]} takes longer than {LIMIT_SECONDS} s")
    return most // 1024


def allocator_of(text):
    """NAME=X.so[,VARIABLE=VALUE]..., as for `hakmem compare --with`."""
    name, _, rest = text.partition("=")
    library, *variables = rest.split(",")
    if not pathlib.Path(library).exists():
        raise argparse.ArgumentTypeError(f"{text}: NAME=X.so[,VARIABLE=VALUE] with a library that exists")
    return name, {"LD_PRELOAD": library, **dict(variable.split("=", 1) for variable in variables)}


def programs(only):
    for script in sorted((ROOT / "bench" / "programs").glob("*.sh")):
        inputs = ROOT / "build" / "bench-inputs" / "small" / script.stem
        is_program = "\n# title:" in "\n" + script.read_text()
        if is_program and inputs.exists() and fnmatch.fnmatch(f"real/{script.stem}", only):
            yield script.stem, ["/bin/sh", str(script), "run", str(inputs), "small"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--only", default="real/*", metavar="PATTERN")
    parser.add_argument("allocators", nargs="+", type=allocator_of, metavar="NAME=X.so[,VARIABLE=VALUE]")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    with (options.directory / "huge.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["program", *(name for name, _ in options.allocators)])
        for name, command in programs(options.only):
            table.writerow([name, *(most_huge_mib(command, variables) for _, variables in options.allocators)])
            file.flush()


if __name__ == "__main__":
    main()
