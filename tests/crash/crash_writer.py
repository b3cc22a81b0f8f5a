"""crash_writer.cpp in Python: the same cache, the same words."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any, NoReturn

from cacherator import Cached, JSONCache


class NotThere(Exception):
    """What a reader's calls raise in place of computing; it is not remembered."""


def signature(function: str, key: str) -> str:
    return f"{function}('{key}',){{}}"


def value_of(key: str, large: bool) -> str:
    value = f"<{key}>"
    while large and len(value) < 100_000:
        value += value
    return value


class Writer(JSONCache):
    def __init__(self, folder: str, mode: str, name: str) -> None:
        self._excluded_cache_vars = ["mode", "name"]
        super().__init__(data_id="crash", directory=folder)
        self.mode, self.name = mode, name

    @Cached()
    def call(self, key: str) -> str:
        return self.compute("call", key)

    @Cached()
    def cleared(self, key: str) -> str:
        return self.compute("cleared", key)

    def compute(self, function: str, key: str) -> str:
        if self.name == "reader":
            raise NotThere
        if self.is_told(key):
            self.say("ran", signature(function, key))
        if key[0] == "s":
            time.sleep(0.0002)
        return value_of(key, self.mode == "large")

    def say(self, word: str, what: str) -> None:
        """One write of 64 bytes, which a page of the file holds whole: a kill leaves all of it or nothing."""
        line = f"{word} {self.name} {what}".ljust(63) + "\n"
        if os.write(1, line.encode()) != 64:
            os._exit(4)

    def is_told(self, key: str) -> bool:
        return key[0] == "s" or self.mode == "clears"

    def ask(self, function: str, key: str) -> None:
        call = signature(function, key)
        if self.is_told(key):
            self.say("ask", call)
        if getattr(self, function)(key) != value_of(key, self.mode == "large"):
            self.say("wrong", call)
        self.say("kept", call)

    def clear(self, what: str) -> None:
        self.say("clearing", what)
        if what == "*":
            self.json_cache_clear()
        else:
            self.json_cache_clear(what)
        self.say("cleared", what)

    def save(self, n: int) -> None:
        self.say("setting", str(n))
        setattr(self, f"mine_{self.name}", n)
        self.ours = f"{self.name}-{n}"
        self.json_cache_save()
        self.say("set", str(n))

    def write(self, n: int) -> NoReturn:
        first = n
        while True:
            self.ask("call", f"s-{n}" if n % 3 == 0 else f"{self.name}-{n}")
            if self.mode == "state" or (self.mode == "saves" and n % 5 == 0):
                self.save(n + 1)
            if self.mode == "clears":
                again = f"s-{n % 20}"
                self.ask("cleared", again)
                if n % 7 == 0:
                    self.clear("cleared")
                if n % 11 == 0:
                    self.clear(signature("cleared", again))
                if n % 13 == 0:
                    self.clear(signature("call", f"{self.name}-{n}"))
                if n % 211 == 0:
                    self.clear("*")
            if self.mode == "large" and n % 40 == 39:
                self.json_cache_save()
            if self.mode == "large":
                time.sleep(0.004)
            elif n - first > 500:
                time.sleep(0.0002)
            n += 1

    def look(self, function: str, key: str) -> str:
        try:
            found: Any = getattr(self, function)(key)
        except NotThere:
            return "miss"
        return "hit" if found == value_of(key, self.mode == "large") else "wrong"

    def read(self) -> None:
        for line in sys.stdin:
            kind, name = line.split()
            if kind == "state":
                print(json.dumps(getattr(self, name)) if hasattr(self, name) else "none")
            else:
                print(self.look(kind, name))
        self.json_cache_save()
        faults = self.json_cache_info()["faults"]
        print(faults["damaged_records"], faults["damaged_documents"] + faults["write"] + faults["other"], flush=True)


if __name__ == "__main__":
    signal.alarm(300)  # should the harness be gone, which would have killed it
    role, folder, mode = sys.argv[1:4]
    if role == "write":
        Writer(folder, mode, sys.argv[4]).write(int(sys.argv[5]))
    Writer(folder, mode, "reader").read()
