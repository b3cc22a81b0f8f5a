"""What the tests share: a folder of their own, and programs run in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, Iterator

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


@pytest.fixture(scope="session")
def dynalite() -> "Iterator[Any]":
    """One server for all tests; each has a table of its own."""
    from tables import started_server

    with started_server("dynalite") as server:
        yield server


@pytest.fixture
def table(dynalite: Any, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Any]":
    from tables import table_of

    with table_of(dynalite, monkeypatch) as made:
        yield made


@pytest.fixture
def start(tmp_path: Path) -> "Iterator[Callable[..., Any]]":
    """Starts a program in the test's folder, beside the test."""
    from tables import Started

    running = []

    def start(source: str, **environment: str) -> Started:
        running.append(Started(source, tmp_path, {**os.environ, **environment}))
        return running[-1]

    yield start
    for program in running:
        if program.process.poll() is None:
            program.process.kill()
            program.process.communicate()
