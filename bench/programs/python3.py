"""What Python scripts do with memory, repeated: records as JSON, dictionaries, objects in a tree, sorting, text.

usage: python3.py REPEATS       prints one number per part, the same for the same REPEATS everywhere
"""
import json
import re
import sys


class Node:
    """A node of an unbalanced search tree."""

    def __init__(self, key):
        self.key = key
        self.left = None
        self.right = None


def numbers(count, seed):
    """Numbers that look random, without the random module's state."""
    state = seed
    for _ in range(count):
        state = (state * 16807) % 2147483647
        yield state


def json_records(seed):
    records = [
        {"id": number, "name": f"user{number % 9973}", "tags": [number % 7, number % 11], "score": number / 97}
        for number in numbers(6000, seed)
    ]
    text = json.dumps(records)
    return len(text) + sum(record["tags"][0] for record in json.loads(text))


def word_counts(seed):
    counts = {}
    for number in numbers(60000, seed):
        word = f"w{number % 20011}"
        counts[word] = counts.get(word, 0) + 1
    return max(counts.values()) * len(counts)


def tree_depths(seed):
    root = Node(1 << 30)
    total = 0
    for key in numbers(12000, seed):
        node, depth = root, 0
        while node is not None:
            parent, node = node, node.left if key < node.key else node.right
            depth += 1
        setattr(parent, "left" if key < parent.key else "right", Node(key))
        total += depth
    return total


def sorted_rows(seed):
    rows = [(number % 1009, str(number), [number]) for number in numbers(25000, seed)]
    rows.sort(key=lambda row: (row[0], row[1]))
    return int(rows[len(rows) // 2][1])


def matched_text(seed):
    text = "\n".join(f"2024-{n % 12 + 1:02}-{n % 28 + 1:02} host{n % 50} took {n % 997} ms" for n in numbers(12000, seed))
    times = re.findall(r"host(\d+) took (\d+) ms", text)
    return sum(int(took) for host, took in times if host != "7") + len(text.upper().replace("HOST", "h").split())


def main():
    for part in (json_records, word_counts, tree_depths, sorted_rows, matched_text):
        print(part.__name__, sum(part(seed + 1) for seed in range(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
