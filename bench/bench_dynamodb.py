"""DynamoDB as a second layer, beside boto3 and aiobotocore, on one dynalite.

dynalite is one thread of JavaScript, and may be what limits operations a second: so the processor time of the clients is measured, and dynalite's own share of the
time is printed beside what is measured by the clock. A read is a call that this machine has not and the table has; peers get an item of the same value.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "dynamodb"))

import boto3  # noqa: E402
import servers  # noqa: E402
from botocore.config import Config  # noqa: E402
from cacherator import Cached, JSONCache  # noqa: E402
from rounds import cpu, race, show  # noqa: E402

TABLE = "bench-table"
STORED = 400  #: entries that the table has before it begins
AT_ONCE = 16
ROUNDS = 5
VERSION = f"Python {sys.version.split()[0]}, boto3 {boto3.__version__}"


def value(n: int) -> "Dict[str, Any]":
    return {"n": n, "name": f"number {n}", "text": "0123456789abcdef" * 60}  # about 1 KB


class Machine(JSONCache):
    @Cached()
    def f(self, n: int) -> Any:
        return value(n)

    @Cached()
    async def g(self, n: int) -> Any:
        return value(n)


_folders = count()


def machine(data_id: str = "bench", table: "str | None" = TABLE) -> Machine:
    """A new one each time: an empty folder."""
    return Machine(data_id=data_id, directory=f"machine-{next(_folders)}", dynamodb_table=table, logging=False)


def peer_client() -> Any:
    return boto3.client("dynamodb", config=Config(max_pool_connections=AT_ONCE, retries={"mode": "standard"}))


def peer_get(client: Any, n: int) -> Any:
    return json.loads(client.get_item(TableName=TABLE, Key={"cache_id": {"S": f"peer-{n}"}}, ConsistentRead=True)["Item"]["data"]["S"])


def peer_put(client: Any, n: int) -> None:
    item = {"cache_id": {"S": f"peer-{n}"}, "data": {"S": json.dumps(value(n))}, "ttl": {"N": str(int(time.time()) + 86400)}}
    client.put_item(TableName=TABLE, Item=item)


def warm() -> Machine:
    """Has a connection, and has read one entry."""
    made = machine()
    assert made.f(STORED - 1) == value(STORED - 1) and made.last_cache_status == "l2"
    return made


# ---- what is measured; each run answers how many operations it made


def our_reads(calls: int) -> "Callable[[], int]":
    readers = [warm() for _ in range(ROUNDS)]

    def run() -> int:
        reader = readers.pop()
        for n in range(calls):
            assert reader.f(n)["n"] == n
        return calls

    return run


def peer_reads(client: Any, calls: int) -> "Callable[[], int]":
    def run() -> int:
        for n in range(calls):
            assert peer_get(client, n)["n"] == n
        return calls

    return run


def our_writes(calls: int) -> "Callable[[], int]":
    """Results computed before there was a table are hit, and so written: nothing is read from the table."""
    writers = []
    for round in range(ROUNDS):
        alone = machine(f"writes-{round}", table=None)
        for n in range(calls + 1):
            alone.f(n)
        alone.json_cache_save()
        directory = alone.json_cache_info()["directory"]
        del alone
        writers.append(Machine(data_id=f"writes-{round}", directory=directory, dynamodb_table=TABLE, logging=False))
        writers[-1].f(calls)
        writers[-1].json_cache_save()

    def run() -> int:
        writer = writers.pop()
        for n in range(calls):
            writer.f(n)
        writer.json_cache_save()
        assert writer.json_cache_info()["l2"]["backfilled"] == calls + 1
        return calls

    return run


def peer_writes(client: Any, calls: int) -> "Callable[[], int]":
    numbers = count(1_000_000)

    def run() -> int:
        for _ in range(calls):
            peer_put(client, next(numbers))
        return calls

    return run


def our_reads_at_once(calls: int) -> "Callable[[], int]":
    async def main() -> int:
        reader = machine()
        await reader.g(STORED - 1)
        numbers = iter(range(calls))

        async def worker() -> None:
            for n in numbers:
                assert (await reader.g(n))["n"] == n

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        assert reader.json_cache_info()["l2"]["hits"] == calls + 1
        return calls

    return lambda: asyncio.run(main())


def peer_reads_at_once(client: Any, calls: int) -> "Callable[[], int]":
    def run() -> int:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert [found["n"] for found in pool.map(lambda n: peer_get(client, n), range(calls))] == list(range(calls))
        return calls

    return run


def aiobotocore_reads_at_once(calls: int) -> "Callable[[], int]":
    from aiobotocore.session import get_session

    async def main() -> int:
        async with get_session().create_client("dynamodb") as client:
            numbers = iter(range(calls))

            async def worker() -> None:
                for n in numbers:
                    found = await client.get_item(TableName=TABLE, Key={"cache_id": {"S": f"peer-{n}"}}, ConsistentRead=True)
                    assert json.loads(found["Item"]["data"]["S"])["n"] == n

            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        return calls

    return lambda: asyncio.run(main())


class Client:
    """The engine's client alone (bench/table_calls.cpp), in a process of its own."""

    def __init__(self) -> None:
        program = Path(__file__).resolve().parents[1] / "build" / "bench" / "bench" / "table_calls"
        self.process = subprocess.Popen([str(program), TABLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.runs("put", STORED, 0)()

    def runs(self, what: str, calls: int, which: int) -> "Callable[[], Tuple[int, float]]":
        """which: 0 the processor's time, 1 the clock's."""

        def run() -> "Tuple[int, float]":
            assert self.process.stdin and self.process.stdout
            self.process.stdin.write(f"{what} {calls}\n")
            self.process.stdin.flush()
            return calls, float(self.process.stdout.readline().split()[which])

        return run


# ---- the tables of figures


def of_the_processor(client: Any) -> None:
    calls, ours = 300, Client()
    reads = {"the engine's get": ours.runs("get", calls, 0), "a whole call that the table has": our_reads(calls), "boto3 get_item": peer_reads(client, calls)}
    writes = {"the engine's put": ours.runs("put", calls, 0), "a whole result written behind": our_writes(calls), "boto3 put_item": peer_writes(client, calls)}
    best = {**race(reads, ROUNDS, cpu), **race(writes, ROUNDS, cpu)}
    targets = [("the engine's get", "boto3 get_item", 0.1), ("the engine's put", "boto3 put_item", 0.1),
               ("a whole call that the table has", "boto3 get_item", 0.1), ("a whole result written behind", "boto3 put_item", 0.1)]  # fmt: skip
    show(f"{VERSION}: processor time of the client for an operation (1 KB)", best, targets)


def busy(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_once(client: Any, server: servers.Server) -> None:
    calls = STORED - 1
    engine = Client()
    contestants: "Dict[str, Callable[[], Any]]" = {
        "the engine": engine.runs("gets-at-once", calls, 1), "ours, 16 tasks": our_reads_at_once(calls), "boto3, 16 threads": peer_reads_at_once(client, calls),
    }  # fmt: skip
    with contextlib.suppress(ImportError):
        contestants["aiobotocore, 16 tasks"] = aiobotocore_reads_at_once(calls)
    best = race(contestants, 5)
    targets = [("the engine", "boto3, 16 threads", 0.125), ("ours, 16 tasks", "boto3, 16 threads", 0.125)]
    show(f"{VERSION}: {AT_ONCE} reads in flight, time for each (by the clock)", best, targets)
    for name, run in contestants.items():
        who = engine.process.pid if name == "the engine" else os.getpid()
        begin, before, own = time.perf_counter(), busy(server.process.pid), busy(who)
        for _ in range(4):
            run()
        seconds = time.perf_counter() - begin
        print(f"  {name}: {1 / best[name]:,.0f} a second; of a core dynalite used {(busy(server.process.pid) - before) / seconds:.0%}, "
              f"the client {(busy(who) - own) / seconds:.0%}")  # fmt: skip


OURS = """
import sys
from cacherator import Cached, JSONCache
class Machine(JSONCache):
    @Cached()
    def f(self, n): raise SystemExit("it was computed")
assert Machine(data_id="bench", directory=sys.argv[1], dynamodb_table="TABLE").f(7)["n"] == 7
"""
PEER = """
import boto3, json
client = boto3.client("dynamodb")
assert json.loads(client.get_item(TableName="TABLE", Key={"cache_id": {"S": "peer-7"}})["Item"]["data"]["S"])["n"] == 7
"""


def first_use() -> None:
    def process(program: str) -> "Callable[[], int]":
        def run() -> int:
            subprocess.run([sys.executable, "-c", program.replace("TABLE", TABLE), f"machine-{next(_folders)}"], check=True)
            return 1

        return run

    best = race({"ours": process(OURS), "boto3": process(PEER), "Python alone": process("pass")}, 9)
    alone = best.pop("Python alone")
    best = {name: seconds - alone for name, seconds in best.items()}
    show(f"{VERSION}: a new process, import to first item (starting Python, {alone * 1e3:.0f} ms, is subtracted)", best, [("ours", "boto3", 0.1)])


def local_hits() -> None:
    with_table, alone = warm(), machine("alone", table=None)
    with_table.f(1), alone.f(1)

    def hits(of: Machine) -> "Callable[[], int]":
        def run() -> int:
            f = of.f
            for _ in range(100_000):
                f(1)
            return 100_000

        return run

    best = race({"a hit, with a table": hits(with_table), "a hit, without": hits(alone)}, 15)
    show(f"{VERSION}: local hits", best, [("a hit, with a table", "a hit, without", 1.05)])


def out_of_reach() -> None:
    """Misses in a row while nobody listens; the first 20 are not counted."""
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = "http://127.0.0.1:9"  # discard: nobody
    down, alone = machine(), machine("alone", table=None)
    mine, theirs = count(), count()
    for _ in range(20):
        down.f(next(mine)), alone.f(next(theirs))
    assert down.json_cache_info()["l2"]["breaker"] != "closed"

    def misses(of: Machine, numbers: "count[int]") -> "Callable[[], int]":
        def run() -> int:
            for _ in range(200):
                of.f(next(numbers))
            return 200

        return run

    best = race({"a miss, the table out of reach": misses(down, mine), "a miss, without a table": misses(alone, theirs)}, 15)
    show(f"{VERSION}: misses while the table is out of reach", best, [("a miss, the table out of reach", "a miss, without a table", 1.5)])


def ticker(server: servers.Server) -> None:
    """How long the event loop stands still while replies take 300 ms."""
    proxy = subprocess.Popen([sys.executable, str(Path(servers.__file__).parent / "proxy.py"), str(server.port), "0.3"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    with proxy:
        assert proxy.stdin and proxy.stdout
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = proxy.stdout.readline().strip()

        async def main() -> float:
            reader, longest, last = machine(), 0.0, time.perf_counter()
            tasks = [asyncio.ensure_future(reader.g(n)) for n in range(AT_ONCE)]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0.001)
                now = time.perf_counter()
                longest, last = max(longest, now - last), now
            assert [task.result()["n"] for task in tasks] == list(range(AT_ONCE)) and reader.last_cache_status in ("l2", "miss", None)
            assert reader.json_cache_info()["l2"]["hits"] == AT_ONCE
            return longest

        best = min(asyncio.run(main()) for _ in range(5))
        proxy.stdin.close()
    print(f"{VERSION}: replies after 300 ms, the event loop stood still for {best * 1e3:.1f} ms at most "
          f"(to aim at: 20 ms or less){'' if best <= 0.02 else '  MISSED'}")  # fmt: skip


@contextlib.contextmanager
def folder() -> "Iterator[None]":
    made = tempfile.mkdtemp(prefix="cacherator-bench-")
    os.chdir(made)
    yield
    os.chdir("/")
    shutil.rmtree(made, ignore_errors=True)


def main(wanted: "List[str]") -> None:
    with folder(), servers.dynalite() as server:
        os.environ.update(server.environment)
        client = peer_client()
        first = machine()
        assert [first.f(n) for n in range(STORED)] == [value(n) for n in range(STORED)]
        assert [asyncio.run(first.g(n)) for n in range(STORED)] == [value(n) for n in range(STORED)]
        first.json_cache_save()
        assert first.json_cache_info()["l2"]["written"] == 2 * STORED
        for n in range(STORED):
            peer_put(client, n)
        assert warm().f(3) == peer_get(client, 3) == value(3)
        parts: Dict[str, Callable[[], None]] = {
            "processor": lambda: of_the_processor(client), "at-once": lambda: at_once(client, server), "first": first_use,
            "hits": local_hits, "ticker": lambda: ticker(server), "down": out_of_reach,
        }  # fmt: skip
        for name in wanted or parts:
            parts[name]()


main(sys.argv[1:])
