"""Interpreters: python3 (with its own allocator, and with malloc for everything), perl, node, bash."""


def python3(session, environment=None):
    session.copy_input("exercise.py")
    session.run(["python3", "exercise.py"], environment={"PYTHONHASHSEED": "0", **(environment or {})})


def python3_malloc(session):
    python3(session, {"PYTHONMALLOC": "malloc"})


def perl(session):
    session.copy_input("exercise.pl")
    session.run(["perl", "exercise.pl"])


def node(session):
    session.copy_input("exercise.js")
    session.run(["node", "exercise.js"])


def bash(session):
    session.copy_input("exercise.sh")
    session.run(["bash", "exercise.sh"])


CASES = {"python3": python3, "python3_malloc": python3_malloc, "perl": perl, "node": node, "bash": bash}
