"""An interpreter at work: objects, strings, dictionaries and lists, most of them short-lived. Meant to be run with
PYTHONMALLOC=malloc, so that all of it comes from malloc.

usage: churn.py ROUNDS
"""

import json
import sys


class Account:
    """An object with a dictionary of its own, as most of Python's are."""

    def __init__(self, number, owner):
        self.number = number
        self.owner = owner
        self.entries = []

    def book(self, amount, text):
        self.entries.append((amount, text))

    def balance(self):
        return sum(amount for amount, _ in self.entries)


def words(state, count):
    """Made-up words, the same in every run."""
    made = []
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        made.append("w%x" % (state >> 12))
    return state, made


def main():
    rounds = int(sys.argv[1])
    state, total, kept = 1, 0, {}
    for number in range(rounds):
        state, text = words(state, 400)
        index = {}
        for place, word in enumerate(text):
            index.setdefault(word[:3], []).append((word, place))
        accounts = [Account(place, word) for place, word in enumerate(text[:60])]
        for place, word in enumerate(text):
            accounts[place % 60].book(place * 7 % 100 + 0.5, word.upper() + "-" + str(place))
        document = json.dumps({a.owner: {"balance": a.balance(), "entries": a.entries} for a in accounts})
        total += len(document) + len(json.loads(document))
        total += sum(len(" ".join(w for w, _ in sorted(group))) for group in index.values())
        kept[number % 200] = (index, accounts[number % 60])
    print(rounds, "rounds", total, "characters", len(kept), "kept")


main()
