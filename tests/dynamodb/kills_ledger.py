"""What the processes of kills.py reported, and what follows from it. All numbers are positions among the reports."""

from __future__ import annotations

import bisect
import sys
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Set, Tuple

WIDTH = 128
ENDLESS = 1 << 62


@dataclass
class Clears:
    """Those of one target on one machine that have returned."""

    ends: List[int] = field(default_factory=list)
    begins: List[int] = field(default_factory=list)  #: for each of them: the latest beginning so far

    def add(self, began: int, ended: int) -> None:
        self.ends.append(ended)
        self.begins.append(max(began, self.begins[-1] if self.begins else -1))

    def last_begin(self, before: int) -> int:
        """The latest beginning among those that had returned before."""
        found = bisect.bisect_left(self.ends, before)
        return self.begins[found - 1] if found else -1


class Ledger:
    def __init__(self) -> None:
        self.results = self.l2 = 0
        self.faults = {"lost": 0, "wrong": 0, "returned": 0}
        self._position = 0
        self._ran: Dict[str, int] = {}  #: value -> a moment at which its computation had begun
        self._asked: Dict[str, int] = {}
        self._clearing: Dict[str, Tuple[str, int]] = {}
        self._clears: Dict[Tuple[str, str], Clears] = {}  #: by machine and target
        self._here: Dict[str, Dict[str, int]] = {"a": {}, "b": {}}  #: results that a machine has -> when they were last asked for
        self._there: Dict[str, int] = {}  #: results that the table has or is to have
        self._all_cleared = {"a": -1, "b": -1}  #: when a clear of all last began, returned or died on a machine
        self._in_doubt = False  #: a clear of all is still to reach the table, at a moment that nobody reports
        self._living: Set[str] = set()
        self._tellers: Set[str] = set()  #: who may have seen a clear of all before it was told, and tell it once more, any time
        self._told = -1  #: when the last of them died

    def fault(self, column: str, what: str) -> None:
        self.faults[column] += 1
        if self.faults[column] <= 5:
            print(f"{column}: {what}", file=sys.stderr)

    # ---- what was reported

    def add(self, line: str) -> None:
        word, name, *rest = line.split()
        self._position += 1
        self._living.add(name)
        getattr(self, f"on_{word}")(name, *rest)

    def on_ask(self, name: str, signature: str) -> None:
        self._asked[name] = self._position

    def on_ran(self, name: str, signature: str, value: str) -> None:
        self._ran[value] = self._position

    def on_kept(self, name: str, signature: str, value: str, status: str) -> None:
        self.results += 1
        self.l2 += status == "l2"
        self.judge_value(signature, value)
        asked = self._asked[name]
        if signature.startswith("kept("):
            self._here[name[0]][signature] = asked
            if status != "l1":
                self._there[signature] = asked
        else:
            self._judge(signature, value, asked, name, None if status == "l2" else name[0])

    def on_clearing(self, name: str, target: str) -> None:
        self._clearing[name] = target, self._position
        self._note(name, target)

    def on_cleared(self, name: str, target: str) -> None:
        _, began = self._clearing.pop(name)
        self._clears.setdefault((name[0], target), Clears()).add(began, self._position)
        self._note(name, target)

    def on_pending(self, name: str, target: str) -> None:
        del self._clearing[name]
        self._note(name, target)
        self._in_doubt |= target == "*"

    def on_dead(self, name: str) -> None:
        target, _ = self._clearing.pop(name, ("", 0))
        self._note(name, target)
        self._in_doubt |= target == "*"
        self._living.discard(name)
        if name in self._tellers:
            self._tellers.discard(name)
            self._told = self._position

    def _note(self, name: str, target: str) -> None:
        if target == "*":
            self._all_cleared[name[0]] = self._position
            self._tellers |= {each for each in self._living if each[0] == name[0]}

    # ---- what follows from it

    def judge_value(self, signature: str, value: str) -> None:
        key = signature.split("'")[1]
        right = value == f"<{key}>" if signature.startswith("kept(") else value in self._ran and value.split("/")[0] == key
        if not right:
            self.fault("wrong", f"{signature} gave {value}")

    def judge_table(self, signature: str, value: str) -> None:
        """What the table gives when nobody writes."""
        self.judge_value(signature, value)
        self._judge(signature, value, ENDLESS, "a new machine", None)

    def _judge(self, signature: str, value: str, asked: int, who: str, machine: Optional[str]) -> None:
        """machine: whose files the value is from; None: the table's."""
        began = self._ran.get(value, ENDLESS)
        for where in (machine,) if machine else ("a", "b"):
            for target in ("*", "cleared", signature):
                clears = self._clears.get((where, target))
                if clears and clears.last_begin(asked) > began:
                    self.fault("returned", f"{who} was given {value}, computed before {target} was cleared on machine {where}")

    def had_by(self, machine: str) -> "List[str]":
        """Results that were returned there, and that nothing has cleared there since."""
        return sorted(signature for signature, asked in self._here[machine].items() if asked > self._all_cleared[machine])

    def had_by_the_table(self) -> "List[str]":
        """Results that are to be in the table, once each machine has been asked for them again."""
        cleared = ENDLESS if self._in_doubt or self._tellers else max(self._told, *self._all_cleared.values())
        return sorted(signature for signature, asked in self._there.items() if asked > cleared)

    def settled(self) -> None:
        """All clears have reached the table."""
        self._all_cleared = dict.fromkeys(self._all_cleared, self._position) if self._in_doubt else self._all_cleared
        self._in_doubt = False
