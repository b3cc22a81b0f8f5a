"""What the tests share: a folder of their own, and programs run in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job in the background; programs of the tests are to be interrupted
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_program(tmp_path: Path) -> Callable[..., str]:
    """Runs a program in a new process, in the test's folder; answers what it printed. `incumbent`: with 1.2.9 in place of ours,
    and with the interpreter it was installed for (it needs 3.10, we need 3.9)."""

    def run(source: str, *, incumbent: bool = False, check: bool = True, **environment: str) -> str:
        env: "dict[str, Any]" = {**os.environ, **environment}
        if incumbent:
            folder = os.environ.get("CACHERATOR_INCUMBENT")
            if not folder:
                pytest.skip("CACHERATOR_INCUMBENT names no folder with cacherator 1.2.9 (make setup makes one)")
            env["PYTHONPATH"] = folder
        python = env.get("CACHERATOR_INCUMBENT_PYTHON", sys.executable) if incumbent else sys.executable
        done = subprocess.run(
            [python, "-c", textwrap.dedent(source)], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
        )
        if check and done.returncode != 0:
            raise AssertionError(f"the program ended with {done.returncode}:\n{done.stderr}")
        return done.stdout.strip()

    return run
