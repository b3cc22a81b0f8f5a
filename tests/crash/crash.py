"""Kills processes that write one cache, at any moment, and counts what is lost.

Each round starts some writers, which make cached calls and report each one after it has returned; kills them all with SIGKILL, after a random time
or at the sight of a file that a checkpoint has for a moment; and asks a new process for all that was reported. In the end: how many kills, results,
and how many of these are lost, wrong, or come back though they were cleared; and damaged documents. Exit code 1 if there is any. Torn is a record
that its writer was killed within, and never reported: readers skip it, and warn.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List

HERE = Path(__file__).parent
MODES = ("small", "large", "saves", "clears")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writer", help="the C++ writer, crash_writer of the build folder (default: Python's alone)")
    parser.add_argument("--python", action="store_true", help="Python's writer too (the package must be importable)")
    parser.add_argument("--kills", type=int, default=200, help="processes to kill, over all modes (default: 200)")
    parser.add_argument("--modes", default=",".join(MODES), help=f"of {', '.join(MODES)} (default: all)")
    parser.add_argument("--writers", type=int, default=4, help="processes at most in one round (default: 4)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments (default: the time)")
    parser.add_argument("--sabotage", action="store_true", help="takes the journal's last bytes away before reading: to see that the harness sees it")
    return parser.parse_args()


class Round:
    """One folder, written and killed some times over."""

    def __init__(self, mode: str, commands: List[List[str]], chance: random.Random) -> None:
        self.mode, self.commands, self.chance = mode, commands, chance
        self.folder = Path(tempfile.mkdtemp(prefix="cacherator-crash-"))
        self.reports: Dict[str, str] = {}  #: "kept 1-7" -> "hit"; "gone 1-7" -> "miss"
        self.kills = self.state = 0

    def write_and_kill(self, writers: int, first: int) -> None:
        reports = self.folder / "reports"
        with open(reports, "ab") as out:
            processes = [
                subprocess.Popen([*self.chance.choice(self.commands), "write", str(self.folder), self.mode, str(i), str(first)], stdout=out)
                for i in range(writers)
            ]
        self._await_moment()
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            if process.wait() != -signal.SIGKILL:
                raise SystemExit(f"a writer ended by itself with {process.returncode}")
        self.kills += writers
        for line in reports.read_text().splitlines():
            kind, what = line.split()
            if kind == "state":
                self.state = max(self.state, int(what))
            else:
                self.reports[line] = "hit" if kind == "kept" else "miss"

    def _await_moment(self) -> None:
        """A random one once something was reported, or one within a checkpoint."""
        until = time.monotonic() + 20
        while not (self.folder / "reports").stat().st_size and time.monotonic() < until:
            time.sleep(0.001)
        until = time.monotonic() + self.chance.choice([0.01, 0.1, 1.5]) * self.chance.random()
        in_checkpoint = self.chance.random() < 0.5
        while time.monotonic() < until:
            if in_checkpoint and any(name.endswith((".journal.old", ".tmp")) for name in os.listdir(self.folder)):
                return

    def sabotage(self) -> None:
        journal = self.folder / "crash.journal"
        os.truncate(journal, journal.stat().st_size * 3 // 4)

    def read(self) -> Dict[str, int]:
        keys = list(self.reports)
        command = [*self.chance.choice(self.commands), "read", str(self.folder), self.mode]
        done = subprocess.run(command, input="".join(f"{key}\n" for key in keys), capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise SystemExit(f"the reader failed ({done.returncode}): {done.stderr[-2000:]}")
        *answers, state = done.stdout.split()
        counts = {"results": sum(key.startswith("kept") for key in keys), "lost": 0, "wrong": 0, "returned": 0, "damage": 0, "torn": 0}
        for key, answer in zip(keys, answers):
            if answer == "wrong":
                counts["wrong"] += 1
            elif answer != self.reports[key]:
                counts["lost" if answer == "miss" else "returned"] += 1
                print(f"{key}: {answer}, not {self.reports[key]}", file=sys.stderr)
        counts["torn"] = done.stderr.count("has damaged lines")
        counts["damage"] = done.stderr.count("is damaged") + len(list(self.folder.glob("*.damaged-*")))
        if self.state and int(state) == 0:
            counts["lost"] += 1
            print(f"the state: {state}, not {self.state}", file=sys.stderr)
        counts["lost"] += len(keys) - len(answers)
        if counts["lost"] + counts["wrong"] + counts["returned"]:
            kept = shutil.copytree(self.folder, tempfile.mkdtemp(prefix="cacherator-lost-"), dirs_exist_ok=True)
            print(f"the folder is kept in {kept}; the reader said: {done.stderr}", file=sys.stderr)
        document = self.folder / "crash.json"
        if document.exists():
            json.loads(document.read_text())
        return counts

    def __enter__(self) -> Round:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)


def main() -> int:
    options = parsed()
    commands = [[options.writer]] if options.writer else []
    if options.python or not commands:
        commands.append([sys.executable, str(HERE / "crash_writer.py")])
    chance = random.Random(options.seed)
    print(f"seed {options.seed}")
    print(f"{'mode':8}{'kills':>8}{'results':>10}{'lost':>8}{'wrong':>8}{'cleared, returned':>20}{'damage':>8}{'torn':>6}")
    bad = 0
    modes = options.modes.split(",")
    for mode in modes:
        total = {"kills": 0, "results": 0, "lost": 0, "wrong": 0, "returned": 0, "damage": 0, "torn": 0}
        while total["kills"] < options.kills / len(modes):
            with Round(mode, commands, chance) as one:
                for again in range(chance.randint(1, 4)):
                    one.write_and_kill(chance.randint(1, options.writers), again * 1_000_000)
                if options.sabotage:
                    one.sabotage()
                total["kills"] += one.kills
                for name, count in one.read().items():
                    total[name] += count
            if sys.stderr.isatty():
                print(f"\r{mode}: {total['kills']} kills", end="\r", file=sys.stderr, flush=True)
        print(f"{mode:8}{total['kills']:8}{total['results']:10}{total['lost']:8}{total['wrong']:8}{total['returned']:20}{total['damage']:8}{total['torn']:6}", flush=True)
        bad += total["lost"] + total["wrong"] + total["returned"] + total["damage"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
