"""Where a program's credentials come from, where the environment has none: botocore's chain, or nothing at all."""

from __future__ import annotations

import os
import socket
import textwrap
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from tables import Table, has_no_secret

PROGRAM = f"""
    import logging, sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
    from tables import Service
    began = time.monotonic()
    one = Service("two", dynamodb_table="TABLE")
    status = one.ask(1)[1]
    seconds = time.monotonic() - began
    for n in range(30): one.ask(n)
    print(status, seconds)
"""
#: In the place of botocore.session: writes down what it is asked with.
BOTOCORE = """
    import os, time
    open("asked", "a").write(os.environ.get("AWS_EC2_METADATA_DISABLED", "") + "\\n")
    class Frozen: access_key, secret_key, token = KEYS
    class Found:
        _expiry_time = None
        def get_frozen_credentials(self): return Frozen
    class Session:
        def get_credentials(self): return RESULT
"""


@pytest.fixture
def bare(table: Table, monkeypatch: pytest.MonkeyPatch) -> Table:
    """f(1) is in the table, and the environment has no credentials any more."""
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    table.proxy.forget()
    return table


@pytest.fixture
def botocore(bare: Table, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> "Callable[[str], Callable[[], List[str]]]":
    """Puts a botocore of the test's on the path, whose get_credentials() returns this; gives what tells how it was asked."""

    def put(result: str) -> "Callable[[], List[str]]":
        package = own_folder / "other" / "botocore"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        keys = repr((bare.server.key, bare.server.secret, "a-token"))
        (package / "session.py").write_text(textwrap.dedent(BOTOCORE).replace("KEYS", keys).replace("RESULT", result))
        monkeypatch.setenv("PYTHONPATH", f"{package.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        asked = own_folder / "asked"
        return lambda: asked.read_text().split("\n")[:-1] if asked.exists() else []

    return put


@pytest.fixture
def silent_metadata(monkeypatch: pytest.MonkeyPatch) -> "Iterator[List[socket.socket]]":
    """A metadata service that never answers; the list is of who asked it."""
    asked: List[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    asked.append(listening.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}/")
        yield asked
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    for one in asked:
        one.close()


def said_by(run_program: Callable[..., str], table: Table, **environment: str) -> "Dict[str, Any]":
    *warnings, last = run_program(PROGRAM.replace("TABLE", table.name), **environment).splitlines()
    status, seconds = last.split()
    assert all(line.startswith("WARNING") and table.name in line and has_no_secret(line, table) for line in warnings), warnings
    return {"status": status, "seconds": float(seconds), "warnings": warnings}


def test_without_any_credentials_one_warning_lists_what_was_looked_for(bare: Table, run_program: Callable[..., str]) -> None:
    said = said_by(run_program, bare)
    assert said["status"] == "miss" and said["seconds"] < 4 and bare.proxy.count() == 0
    (warning,) = said["warnings"]
    looked_for = ["AWS_ACCESS_KEY_ID", "/nonexistent/credentials", "/nonexistent/config", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_DISABLED"]
    assert [name for name in [*looked_for, "aws configure"] if name not in warning] == []


def test_what_botocore_finds_is_used_where_nothing_else_is_there(bare: Table, run_program: Callable[..., str], botocore: Callable[..., Any]) -> None:
    asked = botocore("Found()")
    said = said_by(run_program, bare)
    assert (said["status"], said["warnings"]) == ("l2", []) and len(asked()) == 1
    assert {request.headers["x-amz-security-token"] for request in bare.proxy.requests} == {"a-token"}


def test_botocore_is_not_asked_where_the_environment_has_credentials(bare: Table, run_program: Callable[..., str], botocore: Callable[..., Any]) -> None:
    asked = botocore("Found()")
    keys = {"AWS_ACCESS_KEY_ID": bare.server.key, "AWS_SECRET_ACCESS_KEY": bare.server.secret}
    assert said_by(run_program, bare, **keys)["status"] == "l2" and asked() == []


def test_botocore_is_asked_too_where_one_of_ours_fails(bare: Table, run_program: Callable[..., str], botocore: Callable[..., Any]) -> None:
    asked = botocore("Found()")
    assert said_by(run_program, bare, AWS_PROFILE="of-nobody")["status"] == "l2" and len(asked()) == 1


@pytest.mark.parametrize("result", ["None", "1 / 0", "time.sleep(6)"], ids=["finds none", "fails", "hangs"])
def test_a_botocore_that_does_not_help_is_one_warning_and_the_call_is_computed(
    bare: Table, run_program: Callable[..., str], botocore: Callable[..., Any], result: str
) -> None:
    asked = botocore(result)
    said = said_by(run_program, bare)
    assert said["status"] == "miss" and said["seconds"] < 4 and len(asked()) >= 1 and bare.proxy.count() == 0
    (warning,) = said["warnings"]
    assert "botocore" in warning or "credentials did not come in time" in warning


def test_a_metadata_service_that_never_answers_costs_a_second_in_all(
    bare: Table, run_program: Callable[..., str], botocore: Callable[..., Any], silent_metadata: "List[socket.socket]"
) -> None:
    asked = botocore("Found()")
    said = said_by(run_program, bare)
    assert (said["status"], said["warnings"], asked()) == ("l2", [], ["true"])  # botocore is told not to ask it again
    assert 0.9 < said["seconds"] < 2 and len(silent_metadata) == 1
