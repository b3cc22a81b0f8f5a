"""What the writers of one folder reported, and what must therefore be there, or be gone.

A report is a line of 64 bytes, `word name what`; the writers append them to one file, so their order is what happened before what:

    ask, ran, kept      a call begins, its body begins, it has returned; `ask` and `ran` only where others may make that call, or clear it
    wrong               it has returned another value
    clearing, cleared   a clear begins, has returned: of `*`, of a function, of one call
    setting, set        the state is set to a number and saved: begins, has returned
    killing, dead       by crash.py: SIGKILL is about to be sent to this writer; it is gone
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

NEVER, ENDLESS = -1, 1 << 62
WIDTH = 64


@dataclass
class Call:
    """One signature. All numbers are positions among the reports."""

    kept: int = NEVER  #: when it last returned
    asked: int = NEVER  #: when the last one began of those that have returned
    ran: int = NEVER  #: when its body last began
    done: int = NEVER  #: when the last one ended of those that ran a body
    running: Dict[str, int] = field(default_factory=dict)  #: writers within its body, and when they asked


@dataclass
class Clears:
    """Of one target: `*`, a function or a signature."""

    ends: List[int] = field(default_factory=list)  #: of those that have returned
    begins: List[int] = field(default_factory=list)  #: for each of them: the latest beginning so far
    last: int = NEVER  #: when one last began, returned, or died with its writer
    running: int = 0

    def end(self, began: int, position: int) -> None:
        self.ends.append(position)
        self.begins.append(max(began, self.begins[-1] if self.begins else NEVER))

    def last_begin(self, before: int) -> int:
        """The latest beginning among those that had returned before."""
        found = bisect.bisect_left(self.ends, before)
        return self.begins[found - 1] if found else NEVER


@dataclass
class Writer:
    asking: Optional[Tuple[str, int]] = None
    running: Optional[str] = None
    clearing: Optional[Tuple[str, int]] = None
    setting: Optional[Tuple[int, int]] = None
    number: int = 0  #: the last one that it set, and has returned
    reports: int = 0
    is_condemned: bool = False


class Ledger:
    def __init__(self) -> None:
        self.calls: Dict[str, Call] = {}
        self.clears: Dict[str, Clears] = {}
        self.writers: Dict[str, Writer] = {}
        self.sets: Dict[str, Tuple[int, int]] = {}  #: text of the shared variable -> beginning, end
        self.results = 0
        self.faults: List[Tuple[str, str]] = []  #: wrong, returned, twice: what was seen while the writers ran
        self._position = 0
        self._killed = NEVER

    # ---- what was reported

    def add(self, line: str) -> None:
        word, name, *rest = line.split(maxsplit=2)
        self._position += 1
        writer = self.writers.setdefault(name, Writer())
        writer.reports += 1
        getattr(self, "_" + word)(name, writer, *(each.rstrip() for each in rest))

    def _ask(self, name: str, writer: Writer, signature: str) -> None:
        writer.asking = signature, self._position

    def _ran(self, name: str, writer: Writer, signature: str) -> None:
        call = self.calls.setdefault(signature, Call())
        asked = writer.asking[1] if writer.asking else self._position
        if call.kept < asked and self._holds(signature, call):
            self.faults.append(("twice", f"{signature}: {name} computes what was reported before it asked"))
        others = [other for other, since in call.running.items() if not self._may_overlap(signature, other, min(asked, since))]
        if others:
            self.faults.append(("twice", f"{signature}: {name} computes while {others} do"))
        call.ran = self._position
        call.running[name] = asked
        writer.running = signature

    def _kept(self, name: str, writer: Writer, signature: str) -> None:
        call = self.calls.setdefault(signature, Call())
        asked = writer.asking[1] if writer.asking else self._position
        if name not in call.running and self._is_gone(signature, call, asked):
            self.faults.append(("returned", f"{signature}: {name} was given what had been cleared before it asked"))
        if writer.running == signature:
            self._end_body(name, writer)
        self.results += 1
        call.kept, call.asked = self._position, max(call.asked, asked)
        writer.asking = None

    def _wrong(self, name: str, writer: Writer, signature: str) -> None:
        self.faults.append(("wrong", f"{signature}: {name} was given another value"))

    def _clearing(self, name: str, writer: Writer, target: str) -> None:
        clears = self.clears.setdefault(target, Clears())
        clears.running += 1
        clears.last = self._position
        writer.clearing = target, self._position

    def _cleared(self, name: str, writer: Writer, target: str) -> None:
        assert writer.clearing
        began = writer.clearing[1]
        self._end_clear(writer).end(began, self._position)

    def _setting(self, name: str, writer: Writer, number: str) -> None:
        writer.setting = int(number), self._position
        self.sets[f"{name}-{number}"] = self._position, ENDLESS

    def _set(self, name: str, writer: Writer, number: str) -> None:
        self.sets[f"{name}-{number}"] = self.sets[f"{name}-{number}"][0], self._position
        writer.number = int(number)

    def _killing(self, name: str, writer: Writer) -> None:
        writer.is_condemned = True
        self._killed = self._position

    def _dead(self, name: str, writer: Writer) -> None:
        if writer.running:
            self._end_body(name, writer)
        if writer.clearing:
            self._end_clear(writer)
        writer.asking = None

    def _end_body(self, name: str, writer: Writer) -> None:
        assert writer.running
        call = self.calls[writer.running]
        call.done = self._position
        del call.running[name]
        writer.running = None

    def _end_clear(self, writer: Writer) -> Clears:
        assert writer.clearing
        clears = self.clears[writer.clearing[0]]
        clears.running -= 1
        clears.last = self._position
        writer.clearing = None
        return clears

    # ---- what follows from it

    def expected(self, signature: str) -> str:
        """hit, miss, or any: a clear was under way, or nobody lived to say that it returned."""
        call = self.calls[signature]
        if self._holds(signature, call):
            return "hit"
        return "miss" if self._is_gone(signature, call, ENDLESS) else "any"

    def _of(self, signature: str) -> List[Clears]:
        """The clears that concern it as those of its function do; those of it alone are self.clears[signature]."""
        return [self.clears[target] for target in ("*", signature.partition("(")[0]) if target in self.clears]

    def _holds(self, signature: str, call: Call) -> bool:
        """It was asked for after all clears that concern it, and returned."""
        concern = self._of(signature) + ([self.clears[signature]] if signature in self.clears else [])
        return call.kept != NEVER and all(not clears.running and clears.last < call.asked for clears in concern)

    def _is_gone(self, signature: str, call: Call, before: int) -> bool:
        """All its bodies began before a clear did that had returned; where it alone was cleared, all had ended, too."""
        if any(call.ran < clears.last_begin(before) for clears in self._of(signature)):
            return True
        alone = self.clears.get(signature)
        return alone is not None and not call.running and max(call.ran, call.done) < alone.last_begin(before)

    def _may_overlap(self, signature: str, other: str, since: int) -> bool:
        """Two may compute at once if the one that both waited for was killed, or was cleared while it computed: nobody waits for a second one."""
        return self.writers[other].is_condemned or self._killed > since or bool(self._of(signature)) or signature in self.clears

    def judged_state(self, name: str, text: str) -> str:
        """Of the variable `name` with this JSON text: "", "lost" or "wrong"."""
        if name == "ours":
            last = max((begin for begin, end in self.sets.values() if end != ENDLESS), default=NEVER)
            if text == "none":
                return "lost" if last != NEVER else ""
            if text.strip('"') not in self.sets:
                return "wrong"
            return "lost" if self.sets[text.strip('"')][1] < last else ""
        writer = self.writers[name.partition("_")[2]]
        begun = writer.setting[0] if writer.setting else 0
        number = 0 if text == "none" else int(text)
        if number < writer.number:
            return "lost"
        return "" if number in (0, writer.number, begun) else "wrong"

    def variables(self) -> List[str]:
        return ["ours", *(f"mine_{name}" for name, writer in self.writers.items() if writer.setting)]
