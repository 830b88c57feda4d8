"""`hakmem replay` and the traces to play, for bench/large and bench/warm_start."""
import dataclasses
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 120


@dataclasses.dataclass
class Workload:
    name: str
    trace: pathlib.Path
    speed: float


def replay(build, trace, flags, variables=None):
    """What `hakmem replay --json` writes, of one round."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        command = [build / "hakmem", "replay", "--json", result.name, "--rounds", "1", "--limit", str(LIMIT_SECONDS)]
        for name, value in (variables or {}).items():
            command += ["--env", f"{name}={value}"]
        run = subprocess.run([*command, *flags, trace], capture_output=True, text=True)
        text = pathlib.Path(result.name).read_text()
    if not text:
        sys.exit(f"hakmem replay: {run.stderr.strip()}")
    return json.loads(text)


def simulate(build, trace, flags):
    """What `hakmem simulate --json` says of a trace, with the policy that takes the least time to simulate."""
    command = [build / "hakmem", "simulate", "--json", "--policy", "fixed:keep", *flags, trace]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def matches(name, patterns):
    return not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def generated(build, directory, speed, is_wanted):
    """The brief generated traces; they are written to `directory` when they are wanted. Who keeps its pauses is never sped up."""
    listed = subprocess.run([build / "hakmem", "simulate", "--list", "--json"], capture_output=True, text=True, check=True).stdout
    for one in json.loads(listed):
        name = one["name"]
        if is_wanted(name):
            trace = pathlib.Path(directory) / f"{name}.trace"
            subprocess.run([build / "hakmem", "simulate", "--generate", name, "--brief", "--write", trace], check=True)
            yield Workload(name, trace, 1 if one["keeps_pauses"] else speed)


def recorded(root, is_wanted):
    for trace in sorted((root / "traces").glob("*.trace.gz")):
        name = "recorded-" + trace.name.split(".")[0]
        if is_wanted(name):
            yield Workload(name, trace, 1)
