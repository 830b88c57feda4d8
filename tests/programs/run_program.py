#!/usr/bin/env python3
"""Runs one real program without and with the library and compares what it did.

    run_program.py CASE --library libhakmem.so [--loaded]
    run_program.py --list

Exit code 0: the same; 1: a difference or a failure, shown; 77: the program is not installed.
--loaded keeps all processors busy with other work while the program runs under the library.
"""

import argparse
import contextlib
import difflib
import os
import pathlib
import subprocess
import sys
import tempfile

import compilers
import databases
import media
import scripts
import tools
from session import Failed, Missing, Session

SKIPPED = 77
CASES = {**scripts.CASES, **databases.CASES, **compilers.CASES, **media.CASES, **tools.CASES}


@contextlib.contextmanager
def busy_processors():
    """Endless loops, one for each processor, as long as the block runs."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 2)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def transcript_of(case, parent, library):
    # The same path for both runs: some outputs contain it.
    directory = pathlib.Path(parent) / "work"
    with tempfile.TemporaryDirectory(dir=parent) as kept:
        directory.mkdir()
        try:
            session = Session(directory, library)
            CASES[case](session)
            return session.transcript
        finally:
            directory.rename(pathlib.Path(kept) / "done")


def compare(case, library, loaded):
    with tempfile.TemporaryDirectory(prefix="program-") as parent:
        plain = transcript_of(case, parent, None)
        with busy_processors() if loaded else contextlib.nullcontext():
            preloaded = transcript_of(case, parent, library)
    if not plain:
        raise Failed("the case records nothing")
    difference = list(difflib.unified_diff(plain, preloaded, "without", "with", lineterm="", n=2))
    if difference:
        raise Failed("\n".join(difference[:60]))
    print(f"{case}: {len(plain)} lines of transcript, the same without and with the library")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="?", choices=CASES, metavar="CASE")
    parser.add_argument("--library", type=os.path.abspath)
    parser.add_argument("--loaded", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(CASES))
        return 0
    if not options.case or not options.library:
        parser.error("CASE and --library are needed")
    try:
        compare(options.case, options.library, options.loaded)
        return 0
    except Missing as program:
        print(f"{options.case}: {program} is not installed")
        return SKIPPED
    except Failed as failure:
        print(f"{options.case}: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
