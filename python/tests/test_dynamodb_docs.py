"""What the pages say of DynamoDB: the reader's example, the permissions, the tests that they name, and what an operation costs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from tables import Table, servers

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/dynamodb.md").read_text()


def test_the_readers_example_reads_what_counts_and_nothing_else(table: Table) -> None:
    (example,) = re.findall(r"```python boto3\n(.*?)```", (ROOT / "docs/format.md").read_text(), re.DOTALL)
    one = table.machine("one")
    large = one.text(200_000)
    one.f(1), one.f("caf\u00e9"), one.f(2), one.g(1), one.g(2)
    one.json_cache_save()
    one.json_cache_clear("f(2,){}")
    one.json_cache_clear("g")
    one.g(3)
    one.json_cache_save()
    asks = f"""
    def ask(signature):
        try: return read({table.name!r}, "shared", signature)
        except LookupError: return "none"
    print(json.dumps([ask("f(1,){{}}"), ask("f('caf\\u00e9',){{}}"), ask("f(2,){{}}"), ask("g(1,){{}}"), ask("g(3,){{}}"), ask("f(9,){{}}"),
                      len(ask("text(200000, 'dull'){{}}"))]))
    """
    command = [str(servers.python()), "-c", example + textwrap.dedent(asks)]
    done = subprocess.run(command, env=table.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["one", 1], ["one", "caf\u00e9"], "none", "none", ["one", 3], "none", len(large)]


def test_the_permissions_allow_what_is_sent_and_no_more(table: Table) -> None:
    sharing, making = (set(json.loads(text)["Statement"][0]["Action"]) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    one = table.machine("one", single_flight="fleet")
    one.f(1)
    one.json_cache_save()
    one.json_cache_list_db_keys()
    made = {f"dynamodb:{request.operation}" for request in table.proxy.requests}
    assert made <= making and {"dynamodb:Scan", "dynamodb:CreateTable", "dynamodb:UpdateTimeToLive"} <= made
    table.proxy.forget()
    two = table.machine("two", single_flight="fleet")
    two.f(1), two.f(2), two.g(1)
    two.score = 1
    two.json_cache_save()
    two.json_cache_clear()
    one.f(3), one.f(4), one.f(5)
    one.json_cache_save()
    assert {f"dynamodb:{request.operation}" for request in table.proxy.requests} <= sharing < making


def test_the_demo_shows_what_it_says(tmp_path: Path) -> None:
    examples = os.environ.get("CACHERATOR_EXAMPLES", "")
    if not Path(examples, "web_scraper").exists():
        pytest.skip("CACHERATOR_EXAMPLES names no folder with the C++ examples (make cpp-release builds them)")
    done = subprocess.run([sys.executable, str(ROOT / "demo/demo_l2.py"), examples], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    assert re.findall(r"/page/\w+: .*\((miss|l1|l2)\)", done.stdout) == [each for each in ["miss", "l2", "l1", "l2", "miss", "l2"] for _ in range(2)]


def test_the_tests_that_the_page_names_exist() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_dynamodb*.py"))
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > 10 and [name for name in named if f"def {name}(" not in sources] == []


def costs_of_the_page() -> "Dict[str, Any]":
    """operation -> (ours, that of 1.2.9), each read units or write units as the page has them."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.split("## What it costs")[1].split("\n## ")[0], re.MULTILINE)
    return {name.strip(): (ours.strip(), theirs.strip()) for name, ours, theirs in rows[1:]}


def test_what_the_page_says_that_an_operation_costs_is_what_the_server_counts(table: Table, run_program: Callable[..., str]) -> None:
    table.make()
    one = table.machine("one")
    for n in range(100):
        one.f([n, "x" * 1000])
    one.json_cache_save()
    two = table.machine("two")
    two.f(["warm", 0])
    two.json_cache_save()
    measured: Dict[str, str] = {}

    def paid(name: str, what: "Callable[[], Any]") -> None:
        before = two.l2
        what()
        after = two.l2
        measured[name] = units(after["read_units"] - before["read_units"], after["write_units"] - before["write_units"])

    paid("a local hit", lambda: two.f(["warm", 0]))
    paid("a hit that another machine computed", lambda: two.f([1, "x" * 1000]))
    paid("a miss, and its result", lambda: (two.f(["new", "x" * 1000]), two.json_cache_save()))
    paid("clearing a function", lambda: two.json_cache_clear("f"))
    two.score = 1
    paid("saving state", two.json_cache_save)
    opens = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from tables import Service
        l2 = Service("two", dynamodb_table={table.name!r}).l2
        print(l2["read_units"], l2["write_units"])
    """
    measured["a program that opens the cache, its files being there"] = units(*map(float, run_program(opens).split()))
    theirs = cost_of_the_incumbent(table, run_program)
    assert costs_of_the_page() == {name: (ours, theirs[name]) for name, ours in measured.items()}


def units(read: float, write: float) -> str:
    return " + ".join([*([f"{read:g} read"] if read else []), *([f"{write:g} write"] if write else [])]) or "nothing"


def cost_of_the_incumbent(table: Table, run_program: Callable[..., str]) -> "Dict[str, str]":
    """It does not ask what it pays: its requests are made once more, and the server is asked. (Its `put` is the whole cache.)"""
    source = f"""
        from cacherator import Cached, JSONCache
        class Service(JSONCache):
            @Cached()
            def f(self, n): return ["one", n]
        c = Service(data_id="units", directory="old", dynamodb_table={table.name!r}, logging=False)
        CALLS
    """

    def sent(calls: str) -> "List[str]":
        table.proxy.forget()
        run_program(source.replace("CALLS", calls), incumbent=True)
        return [request.operation for request in table.proxy.requests if request.operation != "DescribeTable"]

    assert sent("[c.f([n, 'x' * 400]) for n in range(100)]") == ["GetItem"] + ["PutItem"] * 100
    assert sent("c.f([5, 'x' * 400]); c.f([6, 'x' * 400])") == ["PutItem"]  # a local hit sends nothing, a file that is opened all of it
    assert sent("c.json_cache_save()") == ["PutItem"] * 2 and sent("c.json_cache_clear('f')") == ["PutItem", "DeleteItem"]

    def capacity(operation: str, **parameters: Any) -> float:
        return float(table.call(operation, ReturnConsumedCapacity="TOTAL", **parameters)["ConsumedCapacity"]["CapacityUnits"])

    item = next(request.json["Item"] for request in table.proxy.requests if request.operation == "PutItem")
    key = {"cache_id": item["cache_id"]}
    write = units(0, capacity("PutItem", Item=item))
    read = units(capacity("GetItem", Key=key), 0)
    return {
        "a local hit": "nothing", "a hit that another machine computed": f"{read}, once, where there is no file", "a miss, and its result": write,
        "clearing a function": units(0, capacity("DeleteItem", Key=key)), "saving state": write,
        "a program that opens the cache, its files being there": write,
    }  # fmt: skip
