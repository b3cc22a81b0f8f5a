"""Servers that speak DynamoDB's protocol, real processes on loopback, for tests, demo and benchmarks.

    with dynalite() as server:
        os.environ.update(server.environment)

Each is on a free port, is ready when it is given, and ends with the block or with the process that started it, however that ends. They are installed by
tools/setup.sh into build/servers; CACHERATOR_SERVERS names another folder. By hand: `python servers.py dynalite` prints what to set, and serves until its input ends.

dynalite   conditional writes are atomic, and an item is at most 400 KiB to the byte; no UpdateTimeToLive, no signatures verified
moto       verify=True: signatures and rights are verified; conditional writes are not atomic
ministack  conditional writes are atomic, knows UpdateTimeToLive; no signatures verified, no limit to a batch
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional

ROOT = Path(__file__).resolve().parents[2]
RUN = Path(__file__).resolve().parent / "run"
REGION = "eu-west-1"
PATIENCE = 30.0  #: seconds within which a server is ready
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NotInstalled(Exception):
    """The servers are not on this machine."""


@dataclass
class Server:
    name: str
    port: int
    process: "subprocess.Popen[str]"
    key: str = "AKIACACHERATORTESTS1"
    secret: str = "a-secret-of-the-tests-that-no-log-may-hold"
    region: str = REGION

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> Dict[str, str]:
        return environment(self.endpoint, self.key, self.secret, self.region)


def environment(endpoint: str, key: str, secret: str, region: str = REGION) -> Dict[str, str]:
    """What makes an AWS client ask this endpoint, whatever else the machine has. Variables to unset are empty."""
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint, "AWS_REGION": region, "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent/config", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
        "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }  # fmt: skip


def folder() -> Path:
    return Path(os.environ.get("CACHERATOR_SERVERS") or ROOT / "build/servers")


def python() -> Path:
    """The interpreter that has moto, ministack and boto3."""
    found = folder() / "venv/bin/python"
    if not found.exists():
        raise NotInstalled(f"there is no {found}: tools/setup.sh installs the servers (CACHERATOR_SERVERS names their folder)")
    return found


@contextlib.contextmanager
def dynalite(create_table_ms: int = 0) -> Iterator[Server]:
    node = shutil.which("node") or shutil.which("nodejs")
    if not node or not (folder() / "node_modules/dynalite").is_dir():
        missing = "node" if not node else folder() / "node_modules/dynalite"
        raise NotInstalled(f"there is no {missing}: tools/setup.sh installs the servers (CACHERATOR_SERVERS names their folder)")
    options = json.dumps({"createTableMs": create_table_ms, "deleteTableMs": 0, "updateTableMs": 0})
    with _running("dynalite", [node, str(RUN / "dynalite.js"), str(folder().resolve()), options]) as server:
        yield server


@contextlib.contextmanager
def moto(verify: bool = True) -> Iterator[Server]:
    """verify: signatures and rights are; its key may do all with DynamoDB, and nothing else."""
    with _running("moto", [str(python()), str(RUN / "moto_server.py")]) as server:
        if verify:
            _give_rights(server)
            _ask(server, "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        yield server


@contextlib.contextmanager
def ministack() -> Iterator[Server]:
    with _running("ministack", [str(python()), str(RUN / "ministack_server.py")]) as server:
        yield server


ALL = {"dynalite": dynalite, "moto": moto, "ministack": ministack}


@contextlib.contextmanager
def _running(name: str, command: List[str]) -> Iterator[Server]:
    quiet = {**os.environ, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet)
    try:
        assert process.stdout
        line = process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"{name} did not start: {' '.join(command)} ended with {process.wait()}")
        server = Server(name, int(line), process)
        _await(server)
        yield server
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _await(server: Server) -> None:
    """Until it answers ListTables."""
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0", "X-Amz-Date": "20260101T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={server.key}/20260101/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
    }  # fmt: skip
    until = time.monotonic() + PATIENCE
    while True:
        try:
            _ask(server, "/", b"{}", headers)
            return
        except OSError as error:
            if server.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{server.name} does not answer: {error}") from error
            time.sleep(0.02)


def _ask(server: Server, path: str, body: bytes, headers: Dict[str, str]) -> str:
    with _direct.open(urllib.request.Request(server.endpoint + path, body, headers), timeout=5) as answer:
        return str(answer.read().decode())


def _give_rights(server: Server) -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": "AWS4-HMAC-SHA256 Credential=none/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
    }

    def iam(action: str, **parameters: str) -> str:
        query = {"Action": action, "Version": "2010-05-08", "UserName": "cache", **parameters}
        return _ask(server, "/", urllib.parse.urlencode(query).encode(), headers)

    iam("CreateUser")
    iam("PutUserPolicy", PolicyName="table", PolicyDocument=json.dumps(policy))
    answer = ElementTree.fromstring(iam("CreateAccessKey"))
    texts = {element.tag.rpartition("}")[2]: element.text or "" for element in answer.iter()}
    server.key, server.secret = texts["AccessKeyId"], texts["SecretAccessKey"]


def main(arguments: Optional[List[str]] = None) -> None:
    (name,) = arguments or sys.argv[1:] or ["dynalite"]
    with ALL[name]() as server:
        for variable, value in server.environment.items():
            print(f"export {variable}={value}")
        print(flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()


if __name__ == "__main__":
    main()
