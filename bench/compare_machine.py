"""What a measurement ran on: processor, kernel, compiler, allocators. Names files, never where they lie."""
import hashlib
import os
import pathlib
import platform
import re
import subprocess
import time


def first_match(path, pattern):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    except OSError:
        return "unknown"
    return found.group(1).strip() if found else "unknown"


def first_line(command, **options):
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True, **options)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.splitlines()[0] if run.stdout else ""


def describe_allocator(allocator):
    library = allocator["library"]
    result = {"name": allocator["name"], "file": os.path.basename(library), "variables": allocator["variables"]}
    if library:
        result["file"] = os.path.basename(os.path.realpath(library))
        result["sha256"] = hashlib.sha256(pathlib.Path(library).read_bytes()).hexdigest()[:12]
    return result


def commit_of(root):
    commit = first_line(["git", "rev-parse", "--short=12", "HEAD"], cwd=root)
    changed = first_line(["git", "status", "--porcelain", "--untracked-files=no"], cwd=root)
    return commit + (" with changes" if changed else "")


def describe(root, allocators, rounds, size):
    """`allocators` as `hakmem compare --json` lists them."""
    libc, version = platform.libc_ver()
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit_of(root),
        "rounds": rounds,
        "size": size,
        "processor": first_match("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "processors": os.cpu_count(),
        "memory_gib": round(int(first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)")) / 2**20, 1),
        "kernel": platform.release(),
        "huge_pages": first_match("/sys/kernel/mm/transparent_hugepage/enabled", r"\[(\w+)\]"),
        "load_average": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
        "libc": f"{libc} {version}",
        "compiler": first_line(["c++", "--version"]),
        "allocators": [describe_allocator(allocator) for allocator in allocators],
    }
