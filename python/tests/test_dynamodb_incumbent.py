"""Beside 1.2.9 in one table: the real one, with boto3, writes its item; ours reads it, and leaves it alone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Callable, Dict

import pytest
from tables import WRITES, Table, warnings_of

PROGRAM = """
    from cacherator import Cached, JSONCache
    class Service(JSONCache):
        @Cached()
        def f(self, n): return ["one", n]
        @Cached()
        def g(self, n): return ["one", n] + ["padding " * 40] * 400
    c = Service(data_id="shared", directory="FOLDER", dynamodb_table="TABLE", logging=False)
    CALLS
    c.json_cache_save()
    print(c.last_cache_status)
"""


@pytest.fixture
def old(table: Table, run_program: Callable[..., str]) -> Callable[..., str]:
    """Runs calls in 1.2.9, on a machine of its own."""
    table.make()

    def run(calls: str, folder: str = "old") -> str:
        source = PROGRAM.replace("TABLE", table.name).replace("FOLDER", folder).replace("CALLS", calls)
        return run_program(source, incumbent=True)

    return run


def item_of(table: Table) -> "Dict[str, Any]":
    return table.items()["shared"]


def test_what_1_2_9_put_into_the_table_are_hits(table: Table, old: Callable[..., str], caplog: pytest.LogCaptureFixture) -> None:
    assert old("c.f(1); c.f(2); c.f('caf\\u00e9')") == "miss"
    assert "f(1,){}" in json.loads(item_of(table)["data"]["S"])["_json_cache_func_cache"]
    two = table.machine("two")
    assert two.ask(1) == (["one", 1], "l2") and two.ask("caf\u00e9") == (["one", "caf\u00e9"], "l2") and two.ask(3)[1] == "miss"
    assert two.l2["legacy_hits"] == 2 and two.ask(1)[1] == "l1" and warnings_of(caplog) == []
    assert table.machine("two").ask(1)[1] == "l1"


def test_an_item_that_1_2_9_compressed_gives_hits(table: Table, old: Callable[..., str]) -> None:
    old("c.f(1); c.g(2)")
    assert json.loads(item_of(table)["data"]["S"])["_compressed"] is True
    two = table.machine("two")
    assert two.ask(1) == (["one", 1], "l2")
    assert two.g(2)[:2] == ["one", 2] and two.last_cache_status == "l2" and len(two.g(2)) == 402


def test_the_item_of_1_2_9_is_read_once_a_process(table: Table, old: Callable[..., str]) -> None:
    old("c.f(1)")
    two = table.machine("two")
    for n in range(2, 8):
        two.f(n)
    asked = [request for request in table.proxy.requests if request.operation == "BatchGetItem" and b'{"S":"shared"}' in request.body]
    assert len(asked) == 1 and two.ask(1)[1] == "l2"


def test_ours_never_writes_the_item_of_1_2_9(table: Table, old: Callable[..., str]) -> None:
    old("c.f(1)")
    before = item_of(table)
    two = table.machine("two")
    two.f(1), two.f(2)
    two.score = 7
    two.json_cache_save()
    two.json_cache_clear("f")
    two.json_cache_clear()
    assert item_of(table) == before
    sent = b"".join(request.body for request in table.proxy.requests if request.operation in WRITES)
    assert b'"cache_id":{"S":"shared"}' not in sent


def test_1_2_9_on_a_new_machine_still_finds_its_item_after_ours_has_written(table: Table, old: Callable[..., str]) -> None:
    old("c.f(1)")
    two = table.machine("two")
    two.f(1), two.f(2)
    two.json_cache_save()
    assert old("c.f(1)", folder="new") == "l2"


@pytest.mark.parametrize("what", ['"f"', '"f(1,){}"', ""])
def test_what_1_2_9_wrote_before_a_clear_does_not_come_back(table: Table, old: Callable[..., str], what: str) -> None:
    old("c.f(1)")
    mine = table.machine("mine")
    assert mine.ask(1) == (["one", 1], "l2")
    mine.json_cache_clear(*([eval(what)] if what else []))
    assert mine.ask(1) == (["mine", 1], "miss")
    two = table.machine("two")
    assert two.ask(1) in ((["two", 1], "miss"), (["mine", 1], "l2")) and two.l2["legacy_hits"] == 0


def test_what_1_2_9_dates_on_the_day_after_a_clear_is_a_hit_again(table: Table, old: Callable[..., str]) -> None:
    old("c.f(1)")
    mine = table.machine("mine")
    mine.f(5)
    mine.json_cache_clear()
    assert old("c.f(9)", folder="later") == "miss"
    assert table.machine("three").ask(9) == (["three", 9], "miss")  # before the clear, in some time zone
    later = (datetime.now() + timedelta(hours=20)).isoformat()
    document = {"_json_cache_func_cache": {"f(9,){}": {"value": ["later", 9], "date": later}}}
    table.put(cache_id={"S": "shared"}, ttl={"N": "4000000000"}, created_at={"N": "1"}, data={"S": json.dumps(document)})
    mine.json_cache_clear("f(9,){}")
    assert table.machine("four").ask(9) == (["later", 9], "l2")


def test_the_state_that_1_2_9_saved_is_restored_on_a_new_machine(table: Table, old: Callable[..., str]) -> None:
    old("c.score = 100; c.f(1)")
    assert table.machine("two").score == 100


def test_what_1_2_9_left_in_local_files_is_written_to_the_table_once_it_is_returned(table: Table, run_program: Callable[..., str]) -> None:
    source = PROGRAM.replace(', dynamodb_table="TABLE"', "").replace("FOLDER", "one").replace("CALLS", "c.f(1); c.f(2)")
    assert run_program(source, incumbent=True) == "miss"
    one = table.machine("one")
    assert one.ask(1) == (["one", 1], "l1")
    one.json_cache_save()
    assert set(table.entries()) == {"f(1,){}"} and one.l2["backfilled"] == 1
    assert table.machine("two").ask(1) == (["one", 1], "l2")


def test_an_item_of_1_2_9_that_is_damaged_is_a_miss_with_a_warning_at_most(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    table.make()
    for n, data in enumerate(["", "no JSON", '{"_compressed":true,"data":"AAAA"}', '{"_json_cache_func_cache":{"f(1,){}":3}}', "[" * 100_000]):
        attributes = {"cache_id": {"S": f"id-{n}"}, "ttl": {"N": "4000000000"}, "created_at": {"N": "1"}, "data": {"S": data}}
        table.put(**attributes)
        one = table.machine("one", data_id=f"id-{n}")
        assert one.ask(1) == (["one", 1], "miss"), data[:40]
    assert len(warnings_of(caplog)) <= 5
