"""A process of one machine for kills.py: calls, clears and saves, and reports each by one line in a file that all append to.

    kills_writer.py MACHINE-FOLDER TABLE NAME SEED                       writes until it is killed
    kills_writer.py MACHINE-FOLDER TABLE NAME settle|look < SIGNATURES   asks each call once, saves, and answers what it found

Results of `kept` are never cleared and follow from their key; those of `cleared` name the computation that made them.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from typing import Any

from cacherator import Cached, JSONCache

WIDTH = 128
SABOTAGE = os.environ.get("CACHERATOR_KILLS_SABOTAGE")  #: "clears": are reported and not made; "values": one is another


class NotThere(Exception):
    """What a call raises that looks only; it is not remembered."""


class Machine(JSONCache):
    def __init__(self, folder: str, table: str, name: str, looks: bool = False) -> None:
        self._excluded_cache_vars = ["name", "looks", "count"]
        super().__init__(data_id="kills", directory=folder, dynamodb_table=table)
        self.name, self.looks, self.count = name, looks, 0

    @Cached()
    def kept(self, key: str) -> str:
        if self.looks:
            raise NotThere
        return f"<{key}>"

    @Cached()
    def cleared(self, key: str) -> str:
        if self.looks:
            raise NotThere
        self.count += 1
        value = f"{key}/{self.name}/{self.count}"
        self.say("ran", f"cleared('{key}',){{}}", value)
        return value

    def say(self, word: str, *what: str) -> None:
        """One write, which a kill leaves whole or not at all."""
        line = " ".join([word, self.name, *(each.replace(" ", "") for each in what)]).ljust(WIDTH - 1) + "\n"
        if os.write(1, line.encode()) != WIDTH:
            os._exit(4)

    def ask(self, function: str, key: str) -> None:
        signature = f"{function}('{key}',){{}}"
        self.say("ask", signature)
        value = getattr(self, function)(key)
        if SABOTAGE == "values" and key == "s-7":
            value += "!"
        self.say("kept", signature, value, self.last_cache_status or "none")

    def clear(self, what: str) -> None:
        self.say("clearing", what)
        if SABOTAGE != "clears":
            self.json_cache_clear(*([] if what == "*" else [what]))
        l2: Any = self.json_cache_info()["l2"]
        self.say("pending" if l2["clears_pending"] else "cleared", what)

    def write(self, seed: int) -> None:
        chance = random.Random(seed)
        for n in range(1_000_000):
            self.ask("kept", f"{self.name}-{n}" if chance.random() < 0.5 else f"s-{chance.randint(0, 300)}")
            again = f"c-{chance.randint(0, 12)}"
            self.ask("cleared", again)
            what = chance.random()
            if what < 0.002 and not SABOTAGE:
                self.clear("*")
            elif what < 0.05:
                self.clear("cleared")
            elif what < 0.12:
                self.clear(f"cleared('{again}',){{}}")
            elif what < 0.15:
                self.json_cache_save()

    def answer(self) -> None:
        for line in sys.stdin:
            function, key = line.split()
            try:
                value = getattr(self, function)(key)
                print(self.last_cache_status, value)
            except NotThere:
                print("gone -")
        self.json_cache_save()
        l2: Any = self.json_cache_info()["l2"]
        print(l2["queued"], l2["dropped"], l2["clears_pending"], flush=True)


if __name__ == "__main__":
    signal.alarm(600)  # should the harness be gone, which would have killed it
    folder, table, name, what = sys.argv[1:5]
    machine = Machine(folder, table, name, looks=what == "look")
    if what in ("settle", "look"):
        machine.answer()
    else:
        machine.write(int(what))
