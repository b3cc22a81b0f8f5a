"""The main job, shown: what was computed once survives a restart, in Python and in C++, in one cache.

Usage: demo.py FOLDER-OF-THE-C++-EXAMPLES
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Tuple

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
BOLD, DIM, GREEN, YELLOW, PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[0m") if sys.stdout.isatty() else ("",) * 5


def title(text: str) -> None:
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def run(program: List[str], folder: str) -> List[Tuple[str, float]]:
    """Runs a program and shows its lines as they come, each with the time since the one before."""
    shown = " ".join(Path(part).name if "/" in part else part for part in program)
    print(f"  {DIM}$ {shown}{PLAIN}", flush=True)
    lines = []
    started = time.perf_counter()
    with subprocess.Popen(program, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            now = time.perf_counter()
            color = YELLOW if "miss" in line else GREEN
            print(f"  {color}{line.rstrip():<26}{PLAIN} after {now - started:6.3f} s", flush=True)
            lines.append((line, now - started))
            started = now
    if process.returncode:
        sys.exit(f"demo: {shown} ended with {process.returncode}")
    return lines


def expect(lines: List[Tuple[str, float]], *statuses: str) -> None:
    found = [line[line.rindex("(") + 1 : line.rindex(")")] for line, _ in lines]
    if found != list(statuses):
        sys.exit(f"demo: expected {list(statuses)}, got {found}")


def main() -> None:
    python = [sys.executable, str(EXAMPLES / "calculator.py")]
    cpp = [str(Path(sys.argv[1]).resolve() / "calculator")]
    with tempfile.TemporaryDirectory(prefix="cacherator-demo-") as folder:
        title("Python: the first call computes (it takes 2 seconds); the second does not")
        expect(run([*python, "2", "10", "2", "10"], folder), "miss", "l1")
        title("A new Python process remembers (its time is that of starting Python)")
        expect(run([*python, "2", "10"], folder), "l1")
        title("A C++ program hits what Python computed")
        expect(run([*cpp, "2", "10"], folder), "l1")
        title("And the reverse: C++ computes, Python remembers")
        expect(run([*cpp, "3", "5"], folder), "miss")
        expect(run([*python, "3", "5"], folder), "l1")

        title("The document, data/cache/calc.json: plain JSON, an entry a line")
        document = Path(folder, "data/cache/calc.json").read_text()
        json.loads(document)
        for line in document.splitlines():
            print("  " + line)

        title("The statistics")
        os.chdir(folder)
        from cacherator import JSONCache

        cache = JSONCache(data_id="calc")
        print("  json_cache_stats():", cache.json_cache_stats())
        print("  cache_status:      ", cache.cache_status)
        info = cache.json_cache_info()
        print("  json_cache_info(): ", {name: info[name] for name in ("entries", "document_bytes", "journal_bytes", "faults")})
        os.chdir("/")


if __name__ == "__main__":
    main()
