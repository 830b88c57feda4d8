"""What bench/large measures: every allocator with its settings, as variables of the environment."""
import dataclasses

import large_report
from large_samples import PRICES

FIXED_ARMS = ("0", "100ms", "1s", "4.2s", "30s", "keep")
RULES = ("low-water", "peak", "glibc")  # of other allocators; they ask no price

# What each peer is told to return memory at once, and to keep it for ever.
EXTREMES = {
    "mimalloc": ({"MIMALLOC_PURGE_DELAY": "0", "MIMALLOC_RESET_DELAY": "0"},
                 {"MIMALLOC_PURGE_DELAY": "-1", "MIMALLOC_RESET_DELAY": "-1"}),
    "jemalloc": ({"MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}, {"MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1"}),
    "gperftools": ({"TCMALLOC_RELEASE_RATE": "10"}, {"TCMALLOC_RELEASE_RATE": "0"}),
    "glibc": ({"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"},
              {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**62)}),
}

# Peers that a preloaded library and its environment cannot tell when to return memory (docs/benchmarks.md has how that was seen).
NO_EXTREMES = {
    "tcmalloc": "`TCMALLOC_HPAA_CONTROL`, the only variable about returning memory, changes nothing unless the program itself "
                "calls `MallocExtension`, which the library does not export",
    "snmalloc": "reads no variable; what it keeps is decided when it is built",
    "rpmalloc": "reads no variable; `disable_decommit` is set by a program that calls `rpmalloc_initialize`",
}

# tcmalloc starts only where the C library leaves restartable sequences to it.
NEEDS = {"tcmalloc": {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}}


@dataclasses.dataclass
class Setting:
    """An allocator with variables. `price` is what it is told, 0: nothing."""
    allocator: str
    name: str
    variables: dict
    price: float = 0.0

    def __str__(self):
        return f"{self.allocator} {self.name}" + (f" at {self.price:g}" if self.price else "")


def family(name):
    """What an allocator is known by: its name up to a dash."""
    return name.split("-")[0]


def of_hakmem(quick):
    for price in PRICES:
        for selector in ("hindsight",) if quick else ("hindsight", "ucb1", "elo"):
            yield Setting("hakmem", selector, {"HAKMEM_SELECTOR": selector, "HAKMEM_PRICE": str(price)}, price)
        yield Setting("hakmem", "adaptive", {"HAKMEM_MODE": "adaptive", "HAKMEM_PRICE": str(price)}, price)
    yield Setting("hakmem", "static", {"HAKMEM_MODE": "static"})
    for selector in (*RULES, *(f"fixed:{arm}" for arm in FIXED_ARMS)):
        yield Setting("hakmem", selector, {"HAKMEM_SELECTOR": selector})


def of_peer(name, quick):
    needs = NEEDS.get(family(name), {})
    yield Setting(name, large_report.DEFAULT, needs)
    if family(name) in EXTREMES and not quick:
        returns, keeps = EXTREMES[family(name)]
        yield Setting(name, "returns", {**needs, **returns})
        yield Setting(name, "keeps", {**needs, **keeps})


def of(name, quick):
    return of_hakmem(quick) if name == "hakmem" else of_peer(name, quick)


def notes(names):
    """{allocator: why it has no extreme settings}, of those that have none."""
    return {name: NO_EXTREMES[family(name)] for name in names if family(name) in NO_EXTREMES}
