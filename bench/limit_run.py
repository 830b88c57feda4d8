"""One run of bench/limit: a program under an allocator and a limit, and what it came to."""
import dataclasses
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time

FINISHED = "finished"
NO_MEMORY = "no memory"
TOO_LONG = "took too long"
LIMIT_SECONDS = 60


@dataclasses.dataclass
class Row:
    allocator: str
    place: str
    round: int
    ended: str
    peak_rss_bytes: int = 0
    peak_charge_bytes: int = 0  # of the cgroup, else 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    faults: int = 0


class NoLimit:
    def begin(self):
        pass

    def enter(self):
        """In the child, before the program starts."""

    def end(self):
        """The peak charge, if there is one."""
        return 0


class AddressSpace(NoLimit):
    def __init__(self, limit):
        self.limit = limit

    def enter(self):
        resource.setrlimit(resource.RLIMIT_AS, (self.limit, self.limit))


def group_parent():
    """The folder of this process's memory group, and the names of limit and peak in a group below it."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            yield pathlib.Path("/sys/fs/cgroup/memory" + path), "memory.limit_in_bytes", "memory.max_usage_in_bytes"
        elif controllers == "":
            yield pathlib.Path("/sys/fs/cgroup" + path), "memory.max", "memory.peak"


class Group(NoLimit):
    """A cgroup for each run, so that its peak is this run's."""

    def __init__(self, limit):
        self.limit = limit
        self.folder = None

    def begin(self):
        for parent, limit_file, peak_file in group_parent():
            folder = parent / f"hakmem_bench_limit_{os.getpid()}"
            try:
                folder.mkdir()
            except OSError:
                continue
            try:
                (folder / limit_file).write_text(str(self.limit))
            except OSError:
                folder.rmdir()
                continue
            self.folder, self.peak = folder, folder / peak_file
            return
        raise OSError("no memory cgroup can be made")

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def end(self):
        peak = int(self.peak.read_text()) if self.peak.exists() else 0
        self.folder.rmdir()
        return peak


def can_make_group():
    group = Group(1 << 30)
    try:
        group.begin()
    except OSError:
        return False
    group.end()
    return True


def how_it_ended(status, output):
    if os.WIFSIGNALED(status):
        return f"killed by signal {os.WTERMSIG(status)}"
    if os.WEXITSTATUS(status) == 0 and "finished" in output:
        return FINISHED
    return NO_MEMORY if "no memory" in output else f"exited with {os.WEXITSTATUS(status)}"


def wait(process):
    """Its output, status and use of resources; ended when it takes too long."""
    timer = threading.Timer(LIMIT_SECONDS, os.kill, (process.pid, signal.SIGKILL))
    timer.start()
    with process.stdout as pipe:
        output = pipe.read().decode(errors="replace")
    _, status, use = os.wait4(process.pid, 0)
    timer.cancel()
    timer.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return output, status, use


def run(program, variables, limit, allocator, place, number):
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    limit.begin()
    began = time.monotonic()
    process = subprocess.Popen(program, env={**environment, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               preexec_fn=limit.enter)
    output, status, use = wait(process)
    seconds = time.monotonic() - began
    ended = TOO_LONG if seconds >= LIMIT_SECONDS else how_it_ended(status, output)
    return Row(allocator, place, number, ended, use.ru_maxrss * 1024, limit.end(), round(use.ru_utime + use.ru_stime, 4),
               round(seconds, 4), use.ru_minflt + use.ru_majflt)
