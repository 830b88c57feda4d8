"""Progress of a measurement: one line per step, with the time left by the steps so far."""
import sys
import time


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class Progress:
    def __init__(self, count):
        self.count = count
        self.done = 0
        self.start = time.monotonic()

    def begin(self, name):
        left = ""
        if self.done:
            elapsed = time.monotonic() - self.start
            left = f", about {clock(elapsed / self.done * (self.count - self.done))} left"
        self.began = time.monotonic()
        width = len(str(self.count))
        print(f"[{self.done + 1:{width}}/{self.count}] {name}{left} ...", end="", file=sys.stderr, flush=True)

    def end(self):
        self.done += 1
        print(f" {time.monotonic() - self.began:.1f} s", file=sys.stderr)
