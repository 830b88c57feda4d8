"""git, sort, tar, xz and z3."""

import random


def words(seed, lines):
    """Lines of pseudo-random words, always the same for a seed."""
    source = random.Random(seed)
    return "".join(f"{source.randrange(10**9):x} {source.choice('abcdefgh') * source.randrange(1, 60)}\n" for _ in range(lines))


def git(session):
    identity = {
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "1700000000 +0000",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": "1700000000 +0000",
    }  # fmt: skip
    session.environment.update(identity)
    session.run(["git", "init", "-q", "-b", "trunk", "."])
    for i in range(12):
        for part in range(8):
            session.write(f"folder{part}/file{part}.txt", words(part, 300) + words(i * 10 + part, 40))
        session.run(["git", "add", "-A"])
        session.run(["git", "commit", "-q", "-m", f"commit {i}"])
    session.run(["git", "checkout", "-q", "-b", "side", "HEAD~4"])
    session.write("side.txt", words(99, 500))
    session.run(["git", "add", "-A"])
    session.run(["git", "commit", "-q", "-m", "side"])
    session.run(["git", "checkout", "-q", "trunk"])
    session.run(["git", "merge", "-q", "--no-edit", "side"])
    session.run(["git", "gc", "-q", "--aggressive", "--prune=now"])
    session.run(["git", "fsck", "--full", "--strict"])
    session.run(["git", "log", "--stat", "--graph"])
    session.run(["git", "diff", "HEAD~6", "--shortstat"])
    session.run(["git", "blame", "-s", "folder3/file3.txt"])


def sort(session):
    session.write("lines", words(1, 150_000))
    session.run(["sort", "--parallel=2", "-S", "8M", "-o", "sorted", "lines"])
    session.record_file("sorted")
    session.run(["sort", "--parallel=2", "-u", "-k2", "-o", "by_word", "lines"])
    session.record_file("by_word")


def tar(session):
    for i in range(200):
        session.write(f"tree/{i % 10}/file{i}", words(i, 100))
    session.run(["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-cf", "tree.tar", "tree"])
    session.record_file("tree.tar")
    session.run(["tar", "-tvf", "tree.tar"])
    session.run(["tar", "-xf", "tree.tar", "--transform=s/^tree/again/"])
    session.run(["diff", "-r", "tree", "again"])


def xz(session):
    session.write("lines", words(2, 80_000))
    session.run(["xz", "-k", "-T2", "-1", "--block-size=512KiB", "lines"])
    session.record_file("lines.xz")
    session.run(["xz", "-t", "-T2", "lines.xz"])
    session.write("lines", "")
    session.run(["xz", "-d", "-f", "-k", "lines.xz"])
    session.record_file("lines")


def z3(session):
    session.copy_input("puzzles.smt2")
    session.run(["z3", "puzzles.smt2"])


CASES = {"git": git, "sort": sort, "tar": tar, "xz": xz, "z3": z3}
