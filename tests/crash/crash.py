"""Kills processes that write one cache, at any moment, and counts what is lost.

Each round starts some writers, which make cached calls and report each one after it has returned; kills them with SIGKILL, all at once or some first,
after a random time or at the sight of a file that a checkpoint has for a moment; and lets a new process, C++ and Python by turns, read all that was
reported. ledger.py says what must be there and what must be gone. The document that the reader saves is read as plain JSON, too.

The table: processes killed; kills that left a checkpoint's file behind; results reported; and
  lost        results and variables that were reported, and are not there
  wrong       another value; a document that is not JSON
  unreadable  damage that no kill explains, documents set aside, faults and warnings, processes that fail or hang
  returned    cleared results that are there, or were given to a writer
  twice       computed again though it was reported, or by two living processes at once
  left        journals and temporary files that stay
  torn        no fault: records that a writer was killed within, and never reported; readers skip them, and warn
  late        no fault: saves that left the document to others, which had been saving for five seconds
Exit code 1 if there is any but these two, 0 if not.

--sabotage damages the files before they are read, to see that the harness sees it: 0 if it does. "every" tries each kind.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from typing import Iterable

from rounds import COLUMNS, FAULTS, Folder
from sabotage import DAMAGE, is_seen

HERE = Path(__file__).parent
MODES = ("small", "large", "saves", "state", "clears")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writer", help="the C++ writer, crash_writer of the build folder (default: Python's alone)")
    parser.add_argument("--python", action="store_true", help="Python's writer too (the package must be importable)")
    parser.add_argument("--kills", type=int, default=200, help="processes to kill, over all modes (default: 200)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="ends after so long, if not sooner (default: never)")
    parser.add_argument("--modes", "--mode", default=",".join(MODES), help=f"of {', '.join(MODES)} (default: all)")
    parser.add_argument("--writers", type=int, default=4, help="processes at most in one round, 1 to 8 (default: 4)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments and choices (default: the time)")
    parser.add_argument("--sabotage", choices=[*DAMAGE, "every"], help="damages the files before they are read")
    options = parser.parse_args()
    if not 1 <= options.writers <= 8:
        parser.error("--writers is 1 to 8")
    if unknown := set(options.modes.split(",")) - set(MODES):
        parser.error(f"no mode is named {', '.join(sorted(unknown))}")
    return options


class Progress:
    """A line that changes in place; in a file, one each 30 seconds."""

    def __init__(self) -> None:
        self.is_screen = sys.stderr.isatty()
        self.began = self.last = time.monotonic()

    def say(self, text: str) -> None:
        now = time.monotonic()
        if now - self.last < (0.2 if self.is_screen else 30):
            return
        self.last = now
        self._print(f"{text}, {now - self.began:.0f} s")

    def end(self) -> None:
        if self.is_screen:
            self._print("")

    def _print(self, text: str) -> None:
        print(f"\r\033[K{text}" if self.is_screen else text, end="" if self.is_screen else "\n", file=sys.stderr, flush=True)


def row(name: str, cells: Iterable[object]) -> str:
    return f"{name:8}" + "".join(f"{cell:>{max(9, len(column) + 1)}}" for cell, column in zip(cells, COLUMNS))


def main() -> int:
    options = parsed()
    commands = [[options.writer]] if options.writer else []
    if options.python or not commands:
        commands.append([sys.executable, str(HERE / "crash_writer.py")])
    chance = random.Random(options.seed)
    print(f"seed {options.seed}", flush=True)
    if options.sabotage:
        kinds = list(DAMAGE) if options.sabotage == "every" else [options.sabotage]
        return 0 if all([is_seen(kind, commands, chance) for kind in kinds]) else 1
    print(row("mode", COLUMNS))
    modes = options.modes.split(",")
    progress, sums = Progress(), dict.fromkeys(COLUMNS, 0)
    for i, mode in enumerate(modes):
        total = dict.fromkeys(COLUMNS, 0)
        until = progress.began + options.seconds * (i + 1) / len(modes)
        while total["kills"] < options.kills / len(modes) and time.monotonic() < until:
            with Folder(mode, commands, chance) as folder:
                for left in reversed(range(chance.randint(1, 5))):
                    folder.write_and_kill(options.writers)
                    if left == 0 or chance.random() < 0.5:
                        folder.read()
                    progress.say(f"{mode}: {total['kills'] + folder.counts['kills']} kills")
                for column, count in folder.ended().items():
                    total[column] += count
        progress.end()
        print(row(mode, total.values()), flush=True)
        for column, count in total.items():
            sums[column] += count
    if len(modes) > 1:
        print(row("all", sums.values()))
    return 1 if any(sums[column] for column in FAULTS) else 0


if __name__ == "__main__":
    sys.exit(main())
