"""What the tests of DynamoDB share: a table behind a proxy of its own, and machines, which are folders of their own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from cacherator import Cached, JSONCache

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "dynamodb"))

import faults  # noqa: E402, F401 (for the tests)
import servers  # noqa: E402
from proxy import Proxy  # noqa: E402
from tunnels import Tunnel  # noqa: E402, F401

#: The servers on which the basic tests run; by default those that are known to differ.
SERVERS = os.environ.get("CACHERATOR_TEST_SERVERS", "dynalite,moto,ministack").split(",")
WRITES = ("PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems", "DeleteItem")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Table:
    """A table that is not there yet, of a server behind a proxy."""

    def __init__(self, name: str, server: servers.Server, proxy: Proxy) -> None:
        self.name, self.server, self.proxy = name, server, proxy
        self.environment = {**server.environment, "AWS_ENDPOINT_URL_DYNAMODB": proxy.endpoint}

    def machine(self, folder: str, **options: Any) -> Service:
        return Service(folder, dynamodb_table=self.name, **options)

    def call(self, operation: str, **parameters: Any) -> Any:
        """Asks the server itself, which must be one that verifies no signatures."""
        headers = {
            "X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0", "X-Amz-Date": "20260101T000000Z",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.server.key}/20260101/{self.server.region}/dynamodb/aws4_request, "
            "SignedHeaders=host, Signature=0",
        }  # fmt: skip
        body = json.dumps({"TableName": self.name, **parameters}).encode()
        with _direct.open(urllib.request.Request(self.server.endpoint, body, headers), timeout=10) as answer:
            return json.load(answer)

    def make(self, key: str = "cache_id") -> None:
        attributes = [{"AttributeName": key, "AttributeType": "S"}]
        keys = [{"AttributeName": key, "KeyType": "HASH"}]
        self.call("CreateTable", KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
        eventually(lambda: self.call("DescribeTable")["Table"]["TableStatus"] == "ACTIVE")

    def put(self, **attributes: "Dict[str, str]") -> None:
        self.call("PutItem", Item=attributes)

    def items(self) -> "Dict[str, Dict[str, Dict[str, Any]]]":
        """All of them, by cache_id, as they are on the wire."""
        found: Dict[str, Any] = {}
        start: Dict[str, Any] = {}
        while True:
            page = self.call("Scan", ConsistentRead=True, **start)
            found.update({item["cache_id"]["S"]: item for item in page["Items"]})
            if not page.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def entries(self) -> "Dict[str, Dict[str, Dict[str, Any]]]":
        """Those that hold a value, by signature."""
        return {item["signature"]["S"]: item for item in self.items().values() if "signature" in item and ("data" in item or "gz" in item)}

    def writes_of(self, signature: str) -> int:
        """How many times this entry was sent."""
        text = json.dumps(signature, ensure_ascii=False).encode()
        return sum(request.body.count(b'{"S":%s}' % text) for request in list(self.proxy.requests) if request.operation in WRITES)


class Service(JSONCache):
    """One machine's object: its values say who computed them."""

    def __init__(self, folder: str, *, data_id: str = "shared", **options: Any) -> None:
        self._excluded_cache_vars = ["name", "ran"]
        super().__init__(data_id=data_id, directory=folder, **options)
        self.name = folder
        self.ran: List[Any] = []

    @Cached()
    def f(self, n: Any) -> Any:
        self.ran.append(n)
        return [self.name, n]

    @Cached()
    def g(self, n: Any) -> Any:
        self.ran.append(n)
        return [self.name, n]

    @Cached()
    async def h(self, n: Any) -> Any:
        self.ran.append(n)
        return [self.name, n]

    @Cached()
    def text(self, size: int, kind: str = "dull") -> str:
        """Dull text is small once it is compressed; random digits are half of their size."""
        return "dull " * (size // 5) if kind == "dull" else os.urandom(size // 2).hex()

    def ask(self, n: Any) -> "Tuple[Any, Optional[str]]":
        return self.f(n), self.last_cache_status

    @property
    def l2(self) -> "Dict[str, Any]":
        return dict(self.json_cache_info()["l2"])


class Started:
    """A program that runs beside the test."""

    def __init__(self, source: str, folder: Path, environment: "Dict[str, str]") -> None:
        command = [sys.executable, "-c", textwrap.dedent(source)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes)

    def end(self, within: float = 30) -> str:
        try:
            output, errors = self.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"a program did not end within {within} s: {self.process.communicate()[1]}") from None
        assert self.process.returncode == 0, errors
        return output.strip()


def eventually(true: "Callable[[], Any]", within: float = 5) -> None:
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, f"it did not come true within {within} s"
        time.sleep(0.01)


def warnings_of(caplog: pytest.LogCaptureFixture) -> "List[str]":
    return [record.getMessage() for record in caplog.records if record.name == "cacherator" and record.levelno >= logging.WARNING]


def has_no_secret(text: str, table: Table) -> bool:
    return table.server.secret not in text and not re.search(r"Signature=[0-9a-f]{16}|AWS4-HMAC", text)


@contextlib.contextmanager
def started_server(name: str) -> "Iterator[servers.Server]":
    """A server, or the sentence that says how to come by one."""
    try:
        with servers.ALL[name]() as server:
            yield server
    except servers.NotInstalled as error:
        pytest.fail(str(error))


@contextlib.contextmanager
def table_of(server: servers.Server, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Table]":
    """A table of a name that no other test has, and the environment that leads to it."""
    with Proxy(server.port) as proxy:
        table = Table(f"cache-{os.urandom(4).hex()}", server, proxy)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in table.environment.items():
            monkeypatch.setenv(name, value)
        yield table
