"""A table shared by machines, on each server that is installed: what holds on all of them.

dynalite knows no UpdateTimeToLive and verifies no signature; ministack verifies none; moto does, but its conditional writes are not atomic: what
rests on those is tested on dynalite alone (test_dynamodb_processes.py).
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Iterator, List, Tuple

import pytest
import tables
from cacherator import Cached
from tables import Service, Table, eventually, faults, started_server, table_of, warnings_of


@pytest.fixture(scope="session", params=tables.SERVERS)
def any_server(request: pytest.FixtureRequest) -> Iterator[Any]:
    with started_server(request.param) as server:
        yield server


@pytest.fixture
def shared(any_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    with table_of(any_server, monkeypatch) as made:
        yield made


def two_machines(shared: Table, **options: Any) -> Tuple[Service, Service]:
    return shared.machine("one", **options), shared.machine("two", **options)


def test_what_one_machine_computed_is_l2_on_another_and_l1_from_then_on(shared: Table, caplog: pytest.LogCaptureFixture) -> None:
    one, two = two_machines(shared)
    assert one.ask(1) == (["one", 1], "miss")
    one.json_cache_save()
    assert two.ask(1) == (["one", 1], "l2") and two.ask(1) == (["one", 1], "l1")
    assert two.ran == [] and shared.machine("two").ask(1) == (["one", 1], "l1")
    assert one.l2["written"] == 1 and two.l2["hits"] == 1 and two.cache_status == {"f(1,){}": "l1"}
    assert warnings_of(caplog) == []


def test_a_result_survives_the_loss_of_the_folder(shared: Table) -> None:
    one = shared.machine("one")
    assert one.ask("caf\u00e9 \U0001f600") == (["one", "caf\u00e9 \U0001f600"], "miss")
    one.json_cache_save()
    assert shared.machine("empty").ask("caf\u00e9 \U0001f600") == (["one", "caf\u00e9 \U0001f600"], "l2")


def test_values_arrive_equal_and_of_the_same_types(shared: Table) -> None:
    one, two = two_machines(shared)
    values = [None, True, 0, -1.5, "", "\0\n\"", [1, [2]], {"a": {"b": None}}, (1, 2), {3, 4}, b"\x00\xff", float("inf"), 10**30]
    assert [one.f(value)[1] for value in values] == values
    one.json_cache_save()
    found = [two.f(value) for value in values]
    assert [value for _, value in found] == values and {name for name, _ in found} == {"one"} and two.ran == []
    assert [type(value) for _, value in found] == [type(value) for value in values]


def test_a_cleared_cache_is_computed_anew_on_the_other_machine(shared: Table) -> None:
    one, two = two_machines(shared)
    one.f(1), one.f(2)
    one.json_cache_save()
    assert two.ask(1) == (["one", 1], "l2")
    one.json_cache_clear()
    assert two.ask(2) == (["two", 2], "miss")
    assert shared.machine("three").ask(1)[1] == "miss"


def test_a_cleared_function_leaves_the_others(shared: Table) -> None:
    one, two = two_machines(shared)
    one.f(1), one.g(1)
    one.json_cache_save()
    one.json_cache_clear("f")
    assert two.ask(1) == (["two", 1], "miss")
    assert two.g(1) == ["one", 1] and two.last_cache_status == "l2"


def test_a_cleared_call_leaves_those_of_other_arguments(shared: Table) -> None:
    one, two = two_machines(shared)
    one.f(1), one.f(2)
    one.json_cache_save()
    one.json_cache_clear("f(1,){}")
    assert two.ask(1) == (["two", 1], "miss") and two.ask(2) == (["one", 2], "l2")


def test_what_is_computed_after_a_clear_is_shared_again(shared: Table) -> None:
    one, two = two_machines(shared)
    one.f(1)
    one.json_cache_save()
    one.json_cache_clear("f")
    assert two.ask(1) == (["two", 1], "miss")
    two.json_cache_save()
    assert one.ask(1) == (["two", 1], "l2") and shared.machine("three").ask(1) == (["two", 1], "l2")


def test_what_another_machine_computed_before_a_clear_and_sends_after_it_does_not_come_back(shared: Table) -> None:
    one, two = two_machines(shared)
    one.f(1)
    one.json_cache_save()
    released = threading.Event()
    for operation in ("PutItem", "BatchWriteItem"):
        shared.proxy.fail(faults.held(released), 1, operation)
    assert two.ask(2) == (["two", 2], "miss")
    eventually(lambda: shared.proxy.count("PutItem") + shared.proxy.count("BatchWriteItem") >= 2)
    one.json_cache_clear("f")
    released.set()
    two.json_cache_save()
    assert two.l2["queued"] == 0
    assert shared.machine("three").ask(2)[1] == "miss"


def test_an_object_with_clear_cache_begins_without_what_others_wrote(shared: Table) -> None:
    one = shared.machine("one")
    one.f(1)
    one.score = 5
    one.json_cache_save()
    two = shared.machine("two", clear_cache=True)
    assert not hasattr(two, "score") and two.ask(1) == (["two", 1], "miss") and two.ask(1) == (["two", 1], "l1")
    two.json_cache_save()
    assert shared.machine("three").ask(1) == (["two", 1], "l2")
    again = shared.machine("one", clear_cache=True)
    assert again.ask(1) == (["one", 1], "miss") and shared.machine("three").ask(1) == (["two", 1], "l1")


def test_the_first_call_of_a_function_with_clear_cache_computes_and_its_value_replaces_the_others(shared: Table) -> None:
    class Plain(Service):
        @Cached()
        def fresh(self, n: int) -> List[Any]:
            return [self.name, n]

    class Fresh(Service):
        @Cached(clear_cache=True)
        def fresh(self, n: int) -> List[Any]:
            return [self.name, n]

    one = Plain("one", dynamodb_table=shared.name)
    assert one.fresh(1) == ["one", 1]
    one.json_cache_save()
    two = Fresh("two", dynamodb_table=shared.name)
    assert [(two.fresh(1), two.last_cache_status) for _ in range(3)] == [(["two", 1], status) for status in ("miss", "l1", "l1")]
    two.json_cache_save()
    for folder, status in (("two", "l1"), ("three", "l2")):
        plain = Plain(folder, dynamodb_table=shared.name)
        assert plain.fresh(1) == ["two", 1] and plain.last_cache_status == status


def test_a_large_value_is_compressed_on_its_way_and_arrives_whole(shared: Table) -> None:
    one, two = two_machines(shared)
    text = one.text(300_000)
    one.json_cache_save()
    assert two.text(300_000) == text and two.last_cache_status == "l2"
    assert one.l2["bytes_sent"] < 30_000 and two.l2["bytes_received"] < 60_000


def test_state_is_shared(shared: Table) -> None:
    one = shared.machine("one")
    one.score, one.position = 100, (1, 2)
    one.json_cache_save()
    two = shared.machine("two")
    assert (two.score, two.position) == (100, (1, 2))
    two.score = 200
    two.json_cache_save()
    assert shared.machine("one").score == shared.machine("three").score == 200


def test_async_functions_share_too(shared: Table) -> None:
    async def main() -> None:
        one, two = two_machines(shared)
        assert await one.h(1) == ["one", 1] and one.last_cache_status == "miss"
        one.json_cache_save()
        assert await two.h(1) == ["one", 1] and two.last_cache_status == "l2"
        assert await two.h(1) == ["one", 1] and two.last_cache_status == "l1"

    asyncio.run(main())


def test_caches_of_other_names_in_the_same_table_keep_apart(shared: Table) -> None:
    one = shared.machine("one", data_id="a")
    one.f(1)
    one.json_cache_save()
    assert shared.machine("two", data_id="b").ask(1) == (["two", 1], "miss")
    assert shared.machine("two", data_id="a").ask(1) == (["one", 1], "l2")


def test_the_table_is_listed_by_data_ids(shared: Table) -> None:
    for name in ("a", "b", "c"):
        one = shared.machine("one", data_id=name)
        one.f(1), one.f(2)
        one.json_cache_save()
    assert sorted(shared.machine("two").json_cache_list_db_keys()["keys"]) == ["a", "b", "c"]


def test_many_results_are_written_in_few_requests(shared: Table) -> None:
    async def all_at_once(machine: Service) -> Any:
        return await asyncio.gather(*(machine.h(n) for n in range(100)))

    one, two = two_machines(shared)
    asyncio.run(all_at_once(one))
    one.json_cache_save()
    sent = sum(shared.proxy.count(kind) for kind in tables.WRITES)
    assert one.l2["written"] == 100 and sent <= 30
    assert asyncio.run(all_at_once(two)) == [["one", n] for n in range(100)] and two.ran == []


def test_info_counts_what_was_asked_and_paid(shared: Table) -> None:
    one, two = two_machines(shared)
    one.f(1)
    one.json_cache_save()
    two.f(1), two.f(2)
    info = two.l2
    assert info["table"] == shared.name and info["region"] == shared.server.region and info["endpoint"] == shared.proxy.endpoint
    assert (info["hits"], info["misses"], info["breaker"], info["retries"]) == (1, 1, "closed", 0)
    assert info["errors"].keys() <= {"ResourceNotFoundException", "UnknownOperationException"}  # the table was made; dynalite has no UpdateTimeToLive
    assert info["requests"]["BatchGetItem"] == shared.proxy.count("BatchGetItem") >= 2
    if shared.server.name != "ministack":  # it counts no units
        assert 0 < info["read_units"] < 20 and 0 < info["write_units"] < 20
    assert info["bytes_sent"] > 0 and info["bytes_received"] > 0 and info["queued"] + info["dropped"] + info["too_large"] < 2
