"""One run of a real program, with or without the library, and the transcript that two runs are compared by.

A case is a function that takes a Session and calls `run` and `record_file`. Everything that it may depend on
is fixed: a fresh working directory, a small environment, seeded inputs. What a program says on standard
output and the files it writes go into the transcript. Standard error does not, since many programs print
times there; it is only searched for complaints of the loader's or of the library's. A program that fails
ends the case, so that two runs which fail alike do not count as good.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess

INPUTS = pathlib.Path(__file__).parent / "inputs"
COMPLAINTS = ("hakmem:", "ld.so", "cannot be preloaded", "corrupt", "double free")


class Missing(Exception):
    """The program under test is not installed."""


class Failed(Exception):
    """A run did something that no comparison is needed for to call it wrong."""


class Session:
    def __init__(self, directory, library=None):
        self.directory = pathlib.Path(directory)
        self.library = library
        self.transcript = []
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory),
            "LC_ALL": "C",
            "TZ": "UTC",
        }
        if library:
            self.environment["LD_PRELOAD"] = library
            self.require_library("self", self.run(["cat", "/proc/self/maps"], record=False).stdout)

    def find(self, name):
        """The program's path, from the system's directories only: wrappers in a user's PATH are not under test."""
        path = shutil.which(name, path=self.environment["PATH"])
        if path is None:
            raise Missing(name)
        return path

    def require_library(self, whose, maps):
        """Fails unless a memory map names the library: a program that ignores the preload proves nothing."""
        if self.library and os.path.realpath(self.library).encode() not in maps:
            raise Failed(f"the library is not loaded into {whose}")

    def run(self, command, stdin=b"", environment=None, record=True, may_fail=False):
        """Runs a program to its end and notes what it said."""
        done = subprocess.run(
            [self.find(command[0]), *command[1:]],
            cwd=self.directory,
            env={**self.environment, **(environment or {})},
            input=stdin,
            capture_output=True,
        )
        self.look_for_complaints(command, done.stderr)
        if done.returncode != 0 and not may_fail:
            raise Failed(f"{command}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}")
        if record:
            self.transcript.append(f"$ {' '.join(map(str, command))}")
            self.transcript += done.stdout.decode(errors="replace").splitlines()
        return done

    def start(self, command, log):
        """Starts a server whose output goes to the file `log`; the caller stops it."""
        with open(self.directory / log, "wb") as output:
            return subprocess.Popen(
                [self.find(command[0]), *command[1:]],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def look_for_complaints(self, command, text):
        lines = text.decode(errors="replace").splitlines()
        bad = [line for line in lines if any(complaint in line for complaint in COMPLAINTS)]
        if bad:
            raise Failed(f"{command} said on stderr:\n" + "\n".join(bad))

    def write(self, name, content):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def copy_input(self, name):
        shutil.copy(INPUTS / name, self.directory / name)

    def record_file(self, name):
        content = (self.directory / name).read_bytes()
        self.transcript.append(f"{name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
