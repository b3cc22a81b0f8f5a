"""One folder that writers write, that are killed, and that a new process reads. See crash.py."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from signal import SIGKILL
from typing import Callable, Dict, Iterable, List, Optional, Set, Tuple

from ledger import WIDTH, Ledger

FAULTS = ("lost", "wrong", "unreadable", "returned", "twice", "left")
COLUMNS = ("kills", "mid-fold", "results", *FAULTS, "torn", "late")
PATIENCE = 30  #: seconds without a report after which a writer hangs


class Folder:
    """One folder, written and killed some times over."""

    turn = 0  #: readers take turns over all folders

    def __init__(self, mode: str, commands: List[List[str]], chance: random.Random) -> None:
        self.mode, self.commands, self.chance = mode, commands, chance
        self.work = Path(tempfile.mkdtemp(prefix="cacherator-crash-"))
        self.cache = self.work / "cache"
        self.cache.mkdir()
        self.document, self.journal, self.old = (self.cache / f"crash{end}" for end in (".json", ".journal", ".journal.old"))
        self.ledger = Ledger()
        self.counts = dict.fromkeys(COLUMNS, 0)
        self.living: Dict[str, subprocess.Popen[bytes]] = {}
        self.left: Set[Tuple[str, int]] = set()  #: what earlier kills left of checkpoints
        self.started = self._read_to = 0
        self._reports = os.open(self.work / "reports", os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self._said_to = 0

    def fault(self, column: str, what: str) -> None:
        self.counts[column] += 1
        if self.counts[column] <= 5:
            print(f"{column}: {what}", file=sys.stderr)

    # ---- writing

    def start(self, count: int, first: int) -> None:
        with open(self.work / "said", "ab") as said:
            for _ in range(count):
                self.started += 1
                name = f"w{self.started}"
                command = [*self.chance.choice(self.commands), "write", str(self.cache), self.mode, name, str(first)]
                self.living[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._reports, stderr=said)

    def kill(self, names: List[str]) -> None:
        self._mark("killing", names)
        for name in names:
            self.living[name].send_signal(SIGKILL)
        for name in names:
            if (code := self.living.pop(name).wait()) != -SIGKILL:
                self.fault("unreadable", f"writer {name} ended by itself with {code}")
        self._mark("dead", names)
        self.counts["kills"] += len(names)
        left = self._passing()
        self.counts["mid-fold"] += bool(left - self.left)
        self.left = left

    def _mark(self, word: str, names: List[str]) -> None:
        os.write(self._reports, "".join(f"{word} {name}".ljust(WIDTH - 1) + "\n" for name in names).encode())

    def _passing(self) -> Set[Tuple[str, int]]:
        """Files that a checkpoint, or the making of a journal, has for a moment."""
        with os.scandir(self.cache) as files:
            return {(file.name, file.inode()) for file in files if file.name.endswith((".journal.old", ".tmp"))}

    def await_reports(self) -> None:
        """Each of the living reports something more."""
        self.take_reports()
        before = {name: self._reports_of(name) for name in self.living}
        until = time.monotonic() + PATIENCE
        while hanging := [name for name in self.living if self._reports_of(name) == before[name]]:
            if time.monotonic() > until:
                return self.fault("unreadable", f"writers {hanging} hang")
            time.sleep(0.002)
            self.take_reports()
        return None

    def _reports_of(self, name: str) -> int:
        return self.ledger.writers[name].reports if name in self.ledger.writers else 0

    def await_moment(self) -> None:
        """A random one, or one within a checkpoint."""
        in_checkpoint = self.chance.random() < 0.6
        longest = 2.5 if in_checkpoint else self.chance.choice([0.01, 0.1, 0.8]) * self.chance.random()
        until = time.monotonic() + (min(longest, 0.8) if self.mode == "large" else longest)
        while time.monotonic() < until:
            if in_checkpoint and self._passing() - self.left:
                time.sleep(self.chance.choice([0, 0, 0.0002, 0.002]))
                return
            time.sleep(0.0001)

    def write_and_kill(self, most: int) -> None:
        """`most` writers at most, who begin where others did, or with calls that nobody has made."""
        count = self.chance.randint(1, most)
        first = self.chance.choice([0, 1_000_000 * self.started])
        self.start(count, first)
        if self.chance.random() < 0.1:
            time.sleep(self.chance.random() * 0.15)  # some have not opened the files yet
            return self.kill(list(self.living))
        self.await_reports()
        self.await_moment()
        if count > 1 and self.chance.random() < 0.4:
            self.kill(self.chance.sample(list(self.living), self.chance.randint(1, count - 1)))
            if self.chance.random() < 0.5:
                self.start(1, first)
            self.await_reports()
            self.await_moment()
        return self.kill(list(self.living))

    def take_reports(self) -> None:
        text = b""
        while part := os.pread(self._reports, 1 << 24, self._read_to + len(text)):
            text += part
        for at in range(0, len(text), WIDTH):
            line = text[at : at + WIDTH]
            if len(line) != WIDTH or line[-1:] != b"\n":
                raise SystemExit(f"a report is torn: {line!r}")
            self.ledger.add(line.decode())
        self._read_to += len(text)

    # ---- reading

    def read(self, sabotage: Optional[Callable[[Folder], bool]] = None) -> bool:
        """Counts the faults. False: there was nothing that the sabotage could damage."""
        self.take_reports()
        if sabotage and not sabotage(self):
            return False
        torn = self.scan_journals()
        self.counts["torn"] += torn
        aged = self._age_temporary_files()
        expected = {signature: self.ledger.expected(signature) for signature, call in self.ledger.calls.items() if call.kept >= 0 or call.ran >= 0}
        variables = self.ledger.variables()
        asked = [signature.replace("('", " ").replace("',){}", "") for signature in expected] + [f"state {name}" for name in variables]
        Folder.turn += 1
        command = [*self.commands[Folder.turn % len(self.commands)], "read", str(self.cache), self.mode]
        try:
            done = subprocess.run(command, input="".join(f"{each}\n" for each in asked), capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            self.fault("unreadable", f"the reader hangs: {command}")
            return True
        answers = done.stdout.splitlines()
        if done.returncode != 0 or len(answers) != len(asked) + 1:
            self.fault("unreadable", f"the reader failed ({done.returncode}): {done.stderr[-2000:]}")
            return True
        for (signature, wanted), answer in zip(expected.items(), answers):
            self.judge(signature, wanted, answer, command[0])
        for name, answer in zip(variables, answers[len(expected) :]):
            if verdict := self.ledger.judged_state(name, answer):
                self.fault(verdict, f"variable {name}: {answer}")
        damaged_records, faults = map(int, answers[-1].split())
        for _ in range(faults + max(0, damaged_records - torn)):
            self.fault("unreadable", f"the reader met faults: {answers[-1]}; {done.stderr[-500:]}")
        self.judge_warnings(done.stderr.splitlines())
        self.judge_files(expected, aged)
        return True

    def judge(self, signature: str, wanted: str, answer: str, by: str) -> None:
        if answer == "wrong":
            self.fault("wrong", f"{signature} has another value ({by})")
        elif wanted == "hit" and answer == "miss":
            self.fault("lost", f"{signature} ({by})")
        elif wanted == "miss" and answer == "hit":
            self.fault("returned", f"{signature} ({by})")

    def judge_warnings(self, lines: Iterable[str]) -> None:
        for line in lines:
            if "for five seconds; nothing is lost" in line:
                self.counts["late"] += 1
            elif "has damaged lines" not in line:
                self.fault("unreadable", line[:500])

    def judge_files(self, expected: Dict[str, str], aged: List[Path]) -> None:
        """After the reader's save: all is in the document, as plain JSON, and nothing else is left."""
        with open(self.work / "said") as said:
            said.seek(self._said_to)
            self.judge_warnings(said.read().splitlines())
            self._said_to = said.tell()
        try:
            entries = json.loads(self.document.read_text())["_json_cache_func_cache"]
        except (OSError, ValueError, KeyError) as error:
            if expected:
                self.fault("wrong", f"the document: {error!r}")
            return
        for signature, wanted in expected.items():
            found = entries.get(signature)
            key = f"<{signature.split(chr(39))[1]}>"
            right = found is not None and found["value"][: len(key)] == key and found["value"].count(key) * len(key) == len(found["value"])
            self.judge(signature, wanted, "miss" if found is None else "hit" if right else "wrong", "the document")
        for path in self.cache.iterdir():
            if ".damaged-" in path.name:
                self.fault("unreadable", f"{path.name} was set aside")
                path.unlink()
            elif path == self.old or path in aged:
                self.fault("left", path.name)
        if len(list(self.cache.glob("*.tmp"))) > self.counts["kills"]:
            self.fault("left", "more temporary files than kills")

    def _age_temporary_files(self) -> List[Path]:
        """Now and then: those that killed writers left are two hours old, and to be removed by who saves next."""
        if self.chance.random() < 0.5:
            return []
        left = list(self.cache.glob("*.tmp"))
        for path in left:
            os.utime(path, (time.time() - 7200, time.time() - 7200))
        return left

    def scan_journals(self) -> int:
        """How many records are torn; a line with a CRC that is not its own is damage."""
        torn = 0
        for path in (self.journal, self.old):
            for line in path.read_bytes().split(b"\n") if path.exists() else []:
                record, mark, crc = line.rpartition(b',"crc":"')
                if not mark or len(crc) != 10:
                    torn += bool(line)
                elif crc != b'%08x"}' % zlib.crc32(record):
                    self.fault("unreadable", f"{path.name} has a line with a wrong CRC: {line[:80]!r}")
        if torn > self.counts["kills"]:
            self.fault("unreadable", f"{torn} torn records of {self.counts['kills']} killed processes")
        return torn

    def ended(self) -> Dict[str, int]:
        self.counts["results"] = self.ledger.results
        for column, what in self.ledger.faults:
            self.fault(column, what)
        if any(self.counts[column] for column in FAULTS):
            print(f"the files are kept in {shutil.copytree(self.work, tempfile.mkdtemp(prefix='cacherator-lost-'), dirs_exist_ok=True)}", file=sys.stderr)
        return self.counts

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.living.values():
            process.kill()
            process.wait()
        os.close(self._reports)
        shutil.rmtree(self.work, ignore_errors=True)
