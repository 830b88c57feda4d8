"""redis, which forks to save, and sqlite3."""

import pathlib
import time

from session import Failed

SOCKET = "redis.sock"


class RedisServer:
    """A redis server on a unix socket in the session's directory, for the length of a `with` block."""

    def __init__(self, session):
        self.session = session

    def __enter__(self):
        self.process = self.session.start(
            ["redis-server", "--port", "0", "--unixsocket", SOCKET, "--save", "", "--enable-debug-command", "local"],
            "redis.log",
        )
        self.wait_for("PING", b"PONG")
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_bytes()
        self.session.require_library("redis-server", maps)
        return self

    def __exit__(self, *_):
        self.session.run(["redis-cli", "-s", SOCKET, "SHUTDOWN", "NOSAVE"], record=False)
        if self.process.wait(timeout=30) != 0:
            raise Failed(f"redis-server: exit code {self.process.returncode}")
        self.session.look_for_complaints("redis-server", (self.session.directory / "redis.log").read_bytes())

    def ask(self, *command, **how):
        return self.session.run(["redis-cli", "-s", SOCKET, *command], **how).stdout

    def wait_for(self, command, answer):
        """Asks until the answer contains `answer`, for at most a minute."""
        for _ in range(600):
            if answer in self.ask(*command.split(), record=False, may_fail=True):
                return
            if self.process.poll() is not None:
                raise Failed((self.session.directory / "redis.log").read_text())
            time.sleep(0.1)
        raise Failed(f"redis: no {answer} to {command}")


def commands():
    """Strings, hashes, lists and sorted sets of all sizes, with deletions and growth in between."""
    for i in range(4000):
        yield f"SET string:{i} {'v' * (1 + i * 7 % 3000)}"
        yield f"HSET hash:{i % 300} field{i} value{i * 31}"
        yield f"RPUSH list:{i % 50} item{i}"
        yield f"ZADD sorted {i * 7919 % 10007} member{i}"
        if i % 3 == 0:
            yield f"APPEND string:{i // 2} {'w' * (1 + i % 500)}"
        if i % 4 == 0:
            yield f"DEL string:{i // 3}"


def redis(session):
    session.find("redis-benchmark")
    with RedisServer(session) as server:
        session.run(["redis-cli", "-s", SOCKET, "--pipe"], stdin="\n".join(commands()).encode())
        server.ask("DEBUG", "DIGEST")
        server.ask("BGSAVE")
        session.run(["redis-benchmark", "-s", SOCKET, "-q", "-n", "10000", "-t", "set,incr,lpush,rpop"], record=False)
        server.wait_for("INFO persistence", b"rdb_bgsave_in_progress:0")
        if b"rdb_last_bgsave_status:ok" not in server.ask("INFO", "persistence", record=False):
            raise Failed("redis: the background save failed")
        server.ask("GET", "counter:__rand_int__")
        server.ask("INCR", "counter:__rand_int__")
        server.ask("SAVE")
        server.ask("DBSIZE")
    with RedisServer(session) as server:
        server.ask("DBSIZE")
        server.ask("INCR", "counter:__rand_int__")
        server.ask("HLEN", "hash:7")
        server.ask("ZRANGE", "sorted", "0", "20", "WITHSCORES")


SQL = """
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, weight REAL, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
  INSERT INTO item SELECT i, 'name' || (i * 7919 % 10007), i * 0.25, hex(zeroblob(i % 200)) FROM n;
CREATE INDEX by_name ON item(name, weight);
SELECT count(*), sum(weight), max(name) FROM item;
SELECT name, count(*) AS c, sum(length(note)) FROM item GROUP BY name ORDER BY c DESC, name LIMIT 20;
DELETE FROM item WHERE id % 3 = 0;
UPDATE item SET note = note || name WHERE id % 5 = 0;
SELECT a.name, b.weight FROM item a JOIN item b ON a.name = b.name AND a.id < b.id ORDER BY 1, 2 LIMIT 20;
VACUUM;
PRAGMA integrity_check;
SELECT group_concat(name) FROM (SELECT DISTINCT name FROM item ORDER BY name LIMIT 500);
"""


def sqlite3(session):
    session.run(["sqlite3", "items.db"], stdin=SQL.encode())
    session.run(["sqlite3", "items.db", ".dump"])


CASES = {"redis": redis, "sqlite3": sqlite3}
