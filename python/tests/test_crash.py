"""Processes of both languages are killed while they write one cache: tests/crash/crash.py, bounded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CRASH = Path(__file__).parents[2] / "tests" / "crash" / "crash.py"


def test_nothing_is_lost_when_processes_of_both_languages_are_killed() -> None:
    command = [sys.executable, str(CRASH), "--python", "--kills", "40"]
    library = os.environ.get("CACHERATOR_LIBRARY")
    if library:
        command += ["--writer", str(Path(library) / "tests" / "crash" / "crash_writer")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
