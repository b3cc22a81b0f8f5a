"""Machines that share a cache over DynamoDB: the specification's web scraper, in Python and in C++, on four machines (folders) and one table.

The table is on dynalite, a server on this machine that speaks DynamoDB's protocol; the pages are those of examples/server.py, which counts how many it was asked for.

Usage: demo_l2.py FOLDER-OF-THE-C++-EXAMPLES
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Dict, Iterator, List

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(ROOT / "tests" / "dynamodb"))

import servers  # noqa: E402

from demo import DIM, GREEN, PLAIN, YELLOW, title  # noqa: E402

TABLE = "my-cache-table"


def run(program: "List[str]", machine: Path) -> "List[str]":
    """Runs the scraper on a machine, shows what it says, and answers its statuses."""
    machine.mkdir(exist_ok=True)
    shown = " ".join(Path(part).name if "/" in part else part for part in program)
    print(f"  {DIM}{machine.name}$ {shown}{PLAIN}", flush=True)
    done = subprocess.run(program, cwd=machine, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"demo: {shown} ended with {done.returncode}")
    for line in done.stdout.splitlines():
        color = DIM if line.startswith("l2:") else YELLOW if "(miss)" in line else GREEN
        print(f"  {color}{line}{PLAIN}")
    return [line[line.rindex("(") + 1 : -1] for line in done.stdout.splitlines() if line.endswith(")")]


def expect(found: object, wanted: object) -> None:
    if found != wanted:
        sys.exit(f"demo: expected {wanted}, got {found}")


@contextlib.contextmanager
def web() -> "Iterator[str]":
    """The pages' server; its address."""
    command = [sys.executable, str(EXAMPLES / "server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        yield server.stdout.readline().strip()
        server.stdin.close()


def fetched(address: str) -> int:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return int(direct.open(f"{address}/requests").read())


def show_table(environment: "Dict[str, str]") -> None:
    """What anybody with a DynamoDB client sees (dynalite takes any signature)."""
    scope = f"{environment['AWS_ACCESS_KEY_ID']}/20260101/{environment['AWS_REGION']}/dynamodb/aws4_request"
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.Scan", "Content-Type": "application/x-amz-json-1.0", "X-Amz-Date": "20260101T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    }  # fmt: skip
    request = urllib.request.Request(environment["AWS_ENDPOINT_URL_DYNAMODB"], json.dumps({"TableName": TABLE}).encode(), headers)
    answer = json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))
    for item in sorted(answer["Items"], key=lambda item: item["cache_id"]["S"]):
        shown = {name: next(iter(value.values())) for name, value in item.items()}
        print(f"  {shown.pop('cache_id')}")
        for name, value in sorted(shown.items()):
            print(f"    {name:<10} {str(value)[:90]}")


def main() -> None:
    python = [sys.executable, str(EXAMPLES / "web_scraper.py"), "--info"]
    cpp = [str(Path(sys.argv[1]).resolve() / "web_scraper"), "--info"]
    with tempfile.TemporaryDirectory(prefix="cacherator-demo-") as folder, servers.dynalite() as server, web() as address:
        os.environ.update({**server.environment, "CACHERATOR_EXAMPLE_API": address, "CACHE_TABLE": TABLE})
        laptop, ec2, third, fourth = (Path(folder, name) for name in ("laptop", "ec2", "third", "fourth"))

        title("Machine 1, the laptop, in Python: the pages are fetched, and written to the table, which is made first")
        expect(run(python, laptop), ["miss", "miss"])
        title("Machine 2, on EC2, whose folder is empty: it finds in the table what the laptop computed (l2)")
        expect(run(python, ec2), ["l2", "l2"])
        title("The same machine again: from its own files (l1); the one request is for the state of the new object")
        expect(run(python, ec2), ["l1", "l1"])
        title("Machine 3, in C++: the same table, the same results")
        expect(run(cpp, third), ["l2", "l2"])
        print(f"\n  pages fetched so far, by all machines: {fetched(address)}")
        expect(fetched(address), 2)

        title("What is in the table")
        show_table(server.environment)

        title("The laptop clears: what the table held of it counts no more, for any machine")
        os.chdir(laptop)
        from cacherator import JSONCache

        cache = JSONCache(data_id="WebScraper", dynamodb_table=TABLE)
        cache.json_cache_clear()
        l2 = cache.json_cache_info()["l2"]
        print(f"  {DIM}requests: {l2['requests']}, capacity units written: {l2['write_units']:g}, clears that wait: {l2['clears_pending']}{PLAIN}")
        os.chdir("/")
        expect(run(cpp, fourth), ["miss", "miss"])
        title("And the laptop finds what machine 4 has computed since, in C++")
        expect(run(python, laptop), ["l2", "l2"])
        expect(fetched(address), 4)


if __name__ == "__main__":
    main()
