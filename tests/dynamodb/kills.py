"""Kills processes of two machines that share one table, at any moment, and counts what is lost, wrong, or came back.

Each machine is a folder; some processes of each make cached calls, clear and save, and report each step by one line in a file that all append to, so that the
order of lines is what happened before what. They are killed with SIGKILL at random moments and others take their place. From time to time all are
killed; then a process of each machine asks for all it was given ("settle": what a kill kept from the table is written behind now), and a machine
with an empty folder looks at what the table has. Counted are

  kills     processes killed
  results   calls that returned
  l2        of them, answered by the table
  shared    results that had to be in the table, each time that it was looked at
  lost      results that were returned on a machine, and are not there; and after settling, not in the table
  wrong     another value than the call gives; a process that fails or hangs
  returned  values computed before a clear began, given after it had returned: from the table, or on the machine that cleared
Exit code 1 if there is anything lost, wrong or returned.

--sabotage does harm, to see that it is seen: 0 if it is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from signal import SIGKILL
from typing import Dict, List, Tuple

import servers
from kills_ledger import WIDTH, Ledger

WRITER = [sys.executable, str(Path(__file__).parent / "kills_writer.py")]
SABOTAGE = {"clears": "returned", "values": "wrong", "files": "lost", "table": "lost"}  #: what is done, and how it is to be seen
COLUMNS = ("kills", "results", "l2", "shared", "lost", "wrong", "returned")


class Fleet:
    """Two machines and the table between them."""

    def __init__(self, environment: "Dict[str, str]", chance: random.Random, processes: int, sabotage: str = "") -> None:
        self.environment = {**os.environ, **environment, "CACHERATOR_KILLS_SABOTAGE": sabotage}
        self.chance, self.processes, self.sabotage = chance, processes, sabotage
        self.work = Path(tempfile.mkdtemp(prefix="cacherator-kills-"))
        self.table = f"kills-{os.urandom(4).hex()}"
        self.ledger = Ledger()
        self.living: Dict[str, subprocess.Popen[bytes]] = {}
        self.kills = self.started = self.shared = self._read_to = 0
        self._reports = os.open(self.work / "reports", os.O_RDWR | os.O_APPEND | os.O_CREAT)

    def start(self) -> None:
        machine = "ab"[self.started % 2]
        self.started += 1
        name = f"{machine}{self.started}"
        with open(self.work / "said", "ab") as said:
            command = [*WRITER, str(self.work / machine), self.table, name, str(self.chance.getrandbits(32))]
            self.living[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._reports, stderr=said, env=self.environment)

    def kill(self, name: str) -> None:
        process = self.living.pop(name)
        process.send_signal(SIGKILL)
        if (code := process.wait()) != -SIGKILL:
            self.ledger.fault("wrong", f"process {name} ended by itself with {code}: {(self.work / 'said').read_text()[-2000:]}")
        os.write(self._reports, f"dead {name}".ljust(WIDTH - 1).encode() + b"\n")
        self.kills += 1

    def write_and_kill(self, seconds: float) -> None:
        """Processes come and go for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while len(self.living) < self.processes:
                self.start()
            time.sleep(self.chance.choice([0.05, 0.3, 1.0]) * self.chance.random())
            for name in self.chance.sample(sorted(self.living), self.chance.randint(1, len(self.living))):
                self.kill(name)
        for name in list(self.living):
            self.kill(name)

    def take_reports(self) -> None:
        text = os.pread(self._reports, 1 << 30, self._read_to)
        for at in range(0, len(text), WIDTH):
            self.ledger.add(text[at : at + WIDTH].decode())
        self._read_to += len(text)

    def judge(self) -> None:
        """All processes are gone: what must be there, on each machine and in the table?"""
        self.take_reports()
        if self.sabotage == "files":
            shutil.rmtree(self.work / "a")
        for machine in "ab":
            for signature, (status, value) in self.ask("settle", machine, self.ledger.had_by(machine)).items():
                if status != "l1":
                    self.ledger.fault("lost", f"{signature}, which machine {machine} had: {status}")
                self.ledger.judge_value(signature, value)
        if self.sabotage == "table":
            self.table += "-another"
        new = f"new{self._read_to}"
        shared = self.ledger.had_by_the_table()
        self.shared += len(shared)
        for signature, (status, value) in self.ask("look", new, shared).items():
            if status == "gone":
                self.ledger.fault("lost", f"{signature} is not in the table")
            else:
                self.ledger.judge_value(signature, value)
        for signature, (status, value) in self.ask("look", new, [f"cleared('c-{n}',){{}}" for n in range(13)]).items():
            if status != "gone":
                self.ledger.judge_table(signature, value)
        self.ledger.settled()

    def ask(self, what: str, machine: str, signatures: "List[str]") -> "Dict[str, Tuple[str, str]]":
        asked = "".join(signature.replace("('", " ").replace("',){}", "\n") for signature in signatures)
        command = [*WRITER, str(self.work / machine), self.table, f"{machine}-{what}", what]
        try:
            done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=300, env=self.environment)
        except subprocess.TimeoutExpired:
            self.ledger.fault("wrong", f"{what} on {machine} hangs")
            return {}
        lines = done.stdout.splitlines()
        if done.returncode or len(lines) != len(signatures) + 1:
            self.ledger.fault("wrong", f"{what} on {machine} ended with {done.returncode} after {len(lines)} lines: {done.stderr[-2000:]}")
            return {}
        if lines[-1] != "0 0 0":
            self.ledger.fault("lost", f"{what} on {machine} left (queued, dropped, clears): {lines[-1]}; {done.stderr[-1000:]}")
        return {signature: tuple(line.split(" ", 1)) for signature, line in zip(signatures, lines)}  # type: ignore[misc]

    def counts(self) -> "List[int]":
        return [self.kills, self.ledger.results, self.ledger.l2, self.shared, *(self.ledger.faults[column] for column in COLUMNS[4:])]

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.living.values():
            process.kill()
            process.wait()
        os.close(self._reports)
        if any(self.ledger.faults.values()) and not self.sabotage:
            print(f"the files are kept in {self.work}", file=sys.stderr)
        else:
            shutil.rmtree(self.work, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long processes are killed, not counting the looks (default: 60)")
    parser.add_argument("--processes", type=int, default=4, help="at once, over both machines (default: 4)")
    parser.add_argument("--endpoint", help="of a server that runs (default: a dynalite of its own)")
    parser.add_argument("--sabotage", choices=SABOTAGE, default="", help="does harm, to see that it is seen")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments and choices (default: the time)")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    totals = [0] * len(COLUMNS)
    with contextlib.ExitStack() as stack:
        if options.endpoint:
            environment = servers.environment(options.endpoint, servers.Server.key, servers.Server.secret)
        else:
            environment = stack.enter_context(servers.dynalite()).environment
        left = options.seconds
        while left > 0:
            with Fleet(environment, chance, options.processes, options.sabotage) as fleet:
                for _ in range(3):
                    part = min(left, 5.0)
                    if part > 0:
                        fleet.write_and_kill(part)
                        fleet.judge()
                    left -= part
                totals = [a + b for a, b in zip(totals, fleet.counts())]
            print("  ".join(f"{name} {count}" for name, count in zip(COLUMNS, totals)), flush=True)
    if options.sabotage:
        return 0 if totals[COLUMNS.index(SABOTAGE[options.sabotage])] else 1
    return 1 if any(totals[4:]) else 0


if __name__ == "__main__":
    sys.exit(main())
