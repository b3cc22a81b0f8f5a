"""The servers and the proxy that the other tests rest on do what they are said to do."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import textwrap
import time
import zlib
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from tables import SERVERS, Table, eventually, faults, started_server, warnings_of

TOOLS = Path(__file__).resolve().parents[2] / "tests" / "dynamodb"


def listening(pid: int) -> "set[str]":
    """The addresses on which a process listens."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1].partition(":")[0])
    return found


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_listens_on_loopback_only_and_ends_with_its_block(name: str) -> None:
    with started_server(name) as server:
        assert listening(server.process.pid) == {"0100007F"}
        pid = server.process.pid
    assert server.process.returncode is not None and not Path(f"/proc/{pid}").exists()


def test_a_server_ends_when_who_started_it_is_killed() -> None:
    program = f"import sys, time; sys.path.insert(0, {str(TOOLS)!r}); import servers\n" + textwrap.dedent("""
        with servers.dynalite() as server:
            print(server.process.pid, flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        starter.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_where_servers_are_not_installed_a_sentence_names_the_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHERATOR_SERVERS", "/nonexistent")
    for name in ("dynalite", "moto", "ministack"):
        with pytest.raises(pytest.fail.Exception, match="tools/setup.sh"), started_server(name):
            pass


@pytest.mark.skipif("moto" not in SERVERS, reason="moto is not among CACHERATOR_TEST_SERVERS")
def test_moto_refuses_what_is_not_signed_with_its_key() -> None:
    with started_server("moto") as server:
        answers = []
        for key in (server.key, "AKIA0000000000000000"):
            scope = f"{key}/20260101/eu-west-1/dynamodb/aws4_request"
            authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
            answers.append(ask(server.port, "ListTables", {"Authorization": authorization, "X-Amz-Date": "20260101T000000Z"}, b"{}")[0])
        assert answers == [403, 403]


def ask(port: int, operation: str, headers: "dict[str, str]", body: bytes) -> "tuple[int, dict[str, str], bytes]":
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("POST", "/", body, {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0", **headers})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.fixture
def get(table: Table) -> "Iterator[Callable[[], Any]]":
    """One BatchGetItem of two items through the proxy."""
    table.make()
    for name in ("a", "b"):
        table.put(cache_id={"S": name}, n={"N": "12"})
    headers = {"X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/eu-west-1/dynamodb/"
               "aws4_request, SignedHeaders=host, Signature=0"}  # fmt: skip
    keys = [{"cache_id": {"S": "a"}}, {"cache_id": {"S": "b"}}]
    body = json.dumps({"RequestItems": {table.name: {"Keys": keys, "ConsistentRead": True}}}).encode()
    yield lambda: ask(table.proxy.port, "BatchGetItem", headers, body)


def names(body: bytes) -> "list[str]":
    return sorted(item["cache_id"]["S"] for items in json.loads(body)["Responses"].values() for item in items)


def test_the_proxy_passes_on_what_no_fault_concerns_and_counts(table: Table, get: "Callable[[], Any]") -> None:
    table.proxy.fail(faults.denied, 1, "PutItem")
    status, headers, body = get()
    assert status == 200 and names(body) == ["a", "b"] and zlib.crc32(body) == int(headers["x-amz-crc32"])
    assert (table.proxy.count(), table.proxy.count("BatchGetItem"), table.proxy.connections, table.proxy.most_open) == (1, 1, 1, 1)


def test_a_fault_is_met_as_often_as_was_said(table: Table, get: "Callable[[], Any]") -> None:
    table.proxy.fail(faults.throttled, 2)
    table.proxy.fail(faults.server_error, 1)
    assert [get()[0] for _ in range(5)] == [400, 400, 500, 200, 200]


@pytest.mark.parametrize("fault", [faults.refuses, faults.lost, faults.reset, faults.truncated, faults.never], ids=lambda fault: fault.__name__)
def test_faults_of_connections_break_them(table: Table, get: "Callable[[], Any]", fault: faults.Fault) -> None:
    table.proxy.fail(fault)
    with pytest.raises((OSError, http.client.HTTPException)):
        get()
    assert names(get()[2]) == ["a", "b"]


def test_faults_of_replies_are_what_their_names_say(table: Table, get: "Callable[[], Any]") -> None:
    table.proxy.fail(faults.wrong_crc)
    status, headers, body = get()
    assert status == 200 and json.loads(body) and zlib.crc32(body) != int(headers["x-amz-crc32"])
    table.proxy.fail(faults.unprocessed)
    body = get()[2]
    assert names(body) == ["a"] and json.loads(body)["UnprocessedKeys"][table.name]["Keys"] == [{"cache_id": {"S": "b"}}]
    table.proxy.fail(faults.clock(3600))
    status, _, body = get()
    assert status == 403 and b"RequestTimeTooSkewed" in body
    table.proxy.fail(faults.clock(60))
    assert get()[0] == 200
    table.proxy.fail(faults.html_page)
    assert re.search(rb"<html>", get()[2])


def test_a_proxy_that_is_down_refuses_and_one_that_is_up_again_does_not(table: Table, get: "Callable[[], Any]", caplog: pytest.LogCaptureFixture) -> None:
    table.proxy.down()
    with pytest.raises(ConnectionRefusedError):
        get()
    table.proxy.up()
    assert get()[0] == 200 and warnings_of(caplog) == []
