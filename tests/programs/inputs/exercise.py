"""What the python3 case runs: json, threads, processes, sqlite3, compression, big numbers, many objects."""

import collections
import hashlib
import json
import math
import multiprocessing
import re
import sqlite3
import subprocess
import sys
import threading
import zlib


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()


def documents(count):
    return [{"id": i, "name": f"name {i}", "tags": ["t" * (i % 40)] * (i % 7), "nested": {"x": i / 3}} for i in range(count)]


def json_round_trips():
    text = json.dumps(documents(3000))
    return digest(json.loads(text)), len(text)


def in_threads():
    results = [None] * 8

    def work(index):
        table = collections.defaultdict(list)
        for i in range(10_000):
            table[i * 7919 % 997].append("x" * (i % 50))
        results[index] = digest(sorted((key, len("".join(value))) for key, value in table.items()))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def square_all(values):
    return sum(value * value for value in values)


def in_processes():
    """Forks while threads of this process allocate."""
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            [bytes(size) for size in range(0, 5000, 50)]

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for thread in threads:
        thread.start()
    with multiprocessing.get_context("fork").Pool(4) as pool:
        sums = pool.map(square_all, [range(start, start + 2000) for start in range(0, 40_000, 2000)])
    stop.set()
    for thread in threads:
        thread.join()
    return sums


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t(a INTEGER, b TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", ((i * 31 % 1009, "v" * (i % 100)) for i in range(20_000)))
    return connection.execute("SELECT a, count(*), sum(length(b)) FROM t GROUP BY a ORDER BY 3 DESC, 1 LIMIT 5").fetchall()


def children():
    return [subprocess.run([sys.executable, "-c", f"print({i} ** 50)"], capture_output=True, text=True).stdout for i in range(3)]


def compression():
    text = "".join(f"{i * 7919 % 10007} " for i in range(100_000)).encode()
    packed = zlib.compress(text, 6)
    return len(packed), zlib.decompress(packed) == text


def growth():
    """Large blocks that grow, shrink and are copied."""
    data = bytearray()
    for i in range(2000):
        data += bytes([i % 256]) * 5000
        if i % 500 == 499:
            del data[: len(data) // 2]
    return len(data), hashlib.md5(data).hexdigest()


def expressions():
    text = "key=value; other = 12345 ; " * 5000
    return len(re.findall(r"(\w+)\s*=\s*(\w+)", text)), digest(re.sub(r"\d+", lambda m: str(int(m[0]) ** 3), text))


if __name__ == "__main__":
    for part in (json_round_trips, in_threads, in_processes, database, children, compression, growth, expressions):
        print(part.__name__, part())
    print("factorial", digest(math.factorial(1500)))
