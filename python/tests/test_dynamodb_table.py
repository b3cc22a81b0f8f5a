"""What is in the table and what is not: backfill, limits, time to live, listing, making it, and a table or an environment that does not serve."""

from __future__ import annotations

import re
import threading
import time
import warnings
from datetime import timedelta
from typing import Any, Callable, Dict, List

import pytest
from cacherator import Cached, JSONCache
from tables import Service, Table, eventually, faults, has_no_secret, servers, started_server, table_of, warnings_of


def test_a_hit_of_what_was_computed_without_a_table_is_backfilled_once_over_restarts(table: Table, run_program: Callable[..., str]) -> None:
    Service("one").f(1)
    program = f"""
        import sys; sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
        from tables import Service
        one = Service("one", dynamodb_table={table.name!r})
        one.f(1), one.f(1)
        status = one.last_cache_status
        one.json_cache_save()
        print(status, one.l2["backfilled"])
    """
    assert run_program(program) == "l1 1"
    assert [run_program(program) for _ in range(2)] == ["l1 0"] * 2
    assert table.writes_of("f(1,){}") == 1
    assert table.machine("two").ask(1) == (["one", 1], "l2")


def test_what_came_from_the_table_is_not_sent_back(table: Table) -> None:
    one, two = table.machine("one"), table.machine("two")
    one.f(1)
    one.json_cache_save()
    assert two.ask(1)[1] == "l2"
    two.json_cache_save()
    again = table.machine("two")
    again.f(1)
    again.json_cache_save()
    assert table.writes_of("f(1,){}") == 1


def test_only_hits_are_backfilled(table: Table) -> None:
    alone = Service("one")
    for n in range(5):
        alone.f(n)
    one = table.machine("one")
    assert one.ask(3)[1] == "l1"
    one.json_cache_save()
    assert set(table.entries()) == {"f(3,){}"}


def test_a_hit_costs_no_request(table: Table) -> None:
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    table.proxy.forget()
    for _ in range(100):
        one.f(1)
    assert table.proxy.count() == 0
    assert table.machine("one").ask(1)[1] == "l1"
    assert [request.operation for request in table.proxy.requests] == ["BatchGetItem"]  # the new object's state


def test_an_l2_hit_is_one_request(table: Table) -> None:
    one, two = table.machine("one"), table.machine("two")
    for n in range(4):
        one.f(n)
    one.json_cache_save()
    two.f(0)
    table.proxy.forget()
    assert [two.ask(n)[1] for n in (1, 2, 3)] == ["l2"] * 3
    assert [request.operation for request in table.proxy.requests] == ["BatchGetItem"] * 3


def test_a_ttl_ends_in_the_table_too(table: Table) -> None:
    class Short(Service):
        @Cached(ttl=timedelta(seconds=2))
        def brief(self, n: int) -> List[Any]:
            return [self.name, n]

    one = Short("one", dynamodb_table=table.name)
    one.brief(1)
    one.json_cache_save()
    (item,) = table.entries().values()
    assert abs(int(item["ttl"]["N"]) - (float(item["utc"]["N"]) + 2)) <= 1
    assert Short("two", dynamodb_table=table.name).brief(1) == ["one", 1]
    time.sleep(3)  # whole seconds
    three = Short("three", dynamodb_table=table.name)
    assert three.brief(1) == ["three", 1] and three.last_cache_status == "miss"


def test_the_ttl_of_who_asks_counts_too(table: Table) -> None:
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    time.sleep(1.1)
    assert table.machine("two", ttl=timedelta(seconds=1)).ask(1)[1] == "miss"
    assert table.machine("three").ask(1)[1] == "l2"


def test_state_that_is_older_than_the_ttl_is_not_restored_from_the_table(table: Table) -> None:
    one = table.machine("one")
    one.score = 100
    one.json_cache_save()
    time.sleep(1.1)
    short = {"ttl": timedelta(seconds=1)}
    assert not hasattr(table.machine("two", **short), "score")
    assert not hasattr(table.machine("two", **short), "score")  # its files have it by now
    assert table.machine("three").score == 100
    one.points = 1
    one.json_cache_save()
    four = table.machine("four", **short)
    assert (four.points, four.score) == (1, 100)  # the newest counts for all of them


def test_what_is_over_100_kb_lies_compressed_in_the_table(table: Table) -> None:
    one = table.machine("one")
    one.text(99_000), one.text(101_000)
    one.json_cache_save()
    small, large = (table.entries()[f"text({size}, 'dull'){{}}"] for size in (99_000, 101_000))
    assert "data" in small and "gz" not in small and "data" not in large and len(large["gz"]["B"]) < 5_000


def test_what_is_over_400_kb_stays_local_with_a_warning_that_names_function_and_size(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    one, two = table.machine("one"), table.machine("two")
    text = one.text(1_000_000, "digits")
    one.json_cache_save()
    (warning,) = warnings_of(caplog)
    assert "'text'" in warning and re.search(r"\b10000\d\d bytes", warning) and one.l2["too_large"] == 1
    assert one.text(1_000_000, "digits") == text and table.machine("one").text(1_000_000, "digits") == text
    assert two.text(1_000_000, "digits") != text and two.last_cache_status == "miss"


def test_a_compressed_value_just_below_400_kb_is_shared(table: Table) -> None:
    one, two = table.machine("one"), table.machine("two")
    text = one.text(700_000, "digits")  # gzip makes it a little over half of that
    one.json_cache_save()
    assert two.text(700_000, "digits") == text and two.last_cache_status == "l2"


def test_pages_list_each_data_id_once_with_those_of_1_2_9(table: Table) -> None:
    names = {f"id-{n}" for n in range(7)}
    for name in names:
        one = table.machine("one", data_id=name)
        one.f(1), one.f(2)
        one.score = 1
        one.json_cache_save()
        one.json_cache_clear("f(2,){}")
    table.put(cache_id={"S": "of-1.2.9"}, data={"S": "{}"}, ttl={"N": "4000000000"}, created_at={"N": "1"})
    found: List[str] = []
    page: Dict[str, Any] = {"last_key": None}
    for _ in range(50):
        page = one.json_cache_list_db_keys(limit=3, last_key=page["last_key"])
        assert set(page) == {"keys", "last_key"} and len(page["keys"]) <= 3
        found += page["keys"]
        if page["last_key"] is None:
            break
    assert page["last_key"] is None and sorted(found) == sorted(names | {"of-1.2.9"})
    assert sorted(one.json_cache_list_db_keys()["keys"]) == sorted(found)


def test_without_a_table_nothing_is_listed_and_there_is_no_l2() -> None:
    alone = JSONCache(data_id="alone")
    assert alone.json_cache_list_db_keys() == {"keys": [], "last_key": None} and "l2" not in alone.json_cache_info()


def state_of(table: Table) -> "List[str]":
    return [name for key, item in table.items().items() if key.endswith(":state") for name in item if name.startswith("v:")]


def test_the_end_of_an_object_writes_state_to_the_table_only_with_save_on_del(table: Table) -> None:
    one = table.machine("one", data_id="quiet")
    one.score = 1
    del one
    two = table.machine("two", data_id="telling", save_on_del=True)
    two.points = 2
    del two
    eventually(lambda: table.proxy.count("CreateTable") and state_of(table) == ["v:points"])
    assert table.machine("one", data_id="quiet").score == 1
    assert not hasattr(table.machine("three", data_id="quiet"), "score") and table.machine("three", data_id="telling").points == 2


def test_json_cache_save_db_is_deprecated_and_saves(table: Table) -> None:
    one = table.machine("one")
    one.score = 5
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        one.json_cache_save_db()
    assert [warning.category for warning in seen] == [DeprecationWarning]
    assert table.machine("two").score == 5


def test_a_table_that_is_missing_is_made_as_the_specification_says(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    made = table.call("DescribeTable")["Table"]
    assert made["KeySchema"] == [{"AttributeName": "cache_id", "KeyType": "HASH"}]
    assert made["AttributeDefinitions"] == [{"AttributeName": "cache_id", "AttributeType": "S"}]
    assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST" and made["TableStatus"] == "ACTIVE"
    (ttl,) = [request.json for request in table.proxy.requests if request.operation == "UpdateTimeToLive"]
    assert ttl["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "ttl"}
    assert warnings_of(caplog) == []


def test_ttl_is_switched_on_where_the_server_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with started_server("ministack") as server:
        for who_made_it_died in (False, True):
            with table_of(server, monkeypatch) as table:
                if who_made_it_died:
                    table.make()
                one = table.machine("one")
                one.f(1)
                one.json_cache_save()
                eventually(lambda: table.call("DescribeTimeToLive")["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED")
                assert table.call("DescribeTimeToLive")["TimeToLiveDescription"]["AttributeName"] == "ttl"


def test_ttl_is_asked_for_once_by_a_process_that_begins_a_cache_in_a_table_that_is_there(
    table: Table, run_program: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    table.make()
    table.proxy.fail(faults.denied, float("inf"), "UpdateTimeToLive")
    for name in ("a", "b"):
        one = table.machine("one", data_id=name)
        one.f(1)
        one.json_cache_save()
    assert table.proxy.count("UpdateTimeToLive") == 1 and warnings_of(caplog) == []
    program = f"""
        import sys; sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
        from tables import Service
        two = Service("two", dynamodb_table={table.name!r}, data_id="a")
        print(two.ask(1)[1], two.ask(2)[1])
        two.json_cache_save()
    """
    assert run_program(program) == "l2 miss" and table.proxy.count("UpdateTimeToLive") == 1


def test_who_makes_the_table_and_may_not_switch_ttl_on_is_told_the_permission(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    table.proxy.fail(faults.denied, float("inf"), "UpdateTimeToLive")
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    eventually(lambda: one.l2 and warnings_of(caplog))
    one.f(2)
    one.json_cache_save()
    (warning,) = warnings_of(caplog)
    assert "dynamodb:UpdateTimeToLive is not allowed" in warning and "'ttl'" in warning and table.name in warning
    assert len(table.entries()) == 2 and one.l2["breaker"] == "closed"


def test_a_table_that_may_be_made_but_not_looked_at_is_made_and_used(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    table.proxy.fail(faults.denied, float("inf"), "DescribeTable")
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    assert set(table.entries()) == {"f(1,){}"} and warnings_of(caplog) == [] and table.proxy.count("UpdateTimeToLive") == 1


def test_a_table_that_takes_its_time_is_waited_for_by_all_who_make_it_at_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with servers.dynalite(create_table_ms=400) as slow, table_of(slow, monkeypatch) as table:
        machines = [table.machine(f"m{n}") for n in range(4)]

        def work(machine: Service) -> None:
            machine.f(machine.name)
            machine.json_cache_save()

        threads = [threading.Thread(target=work, args=(machine,)) for machine in machines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(table.entries()) == 4 and warnings_of(caplog) == []
        assert [machine.l2["queued"] for machine in machines] == [0] * 4


def test_several_processes_make_the_table_at_once(table: Table, start: Callable[..., Any]) -> None:
    program = f"""
        import sys; sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
        from tables import Service
        one = Service(sys.argv[0] + str(__import__("os").getpid()), dynamodb_table={table.name!r})
        one.f(one.name)
        one.json_cache_save()
        print(one.l2["queued"], one.l2["dropped"], one.l2["errors"].keys() - EXPECTED or "none")
    """
    program = program.replace("EXPECTED", '{"ResourceNotFoundException", "ResourceInUseException", "UnknownOperationException", "ConditionalCheckFailedException"}')
    assert {each.end() for each in [start(program) for _ in range(4)]} == {"0 0 none"}
    assert len(table.entries()) == 4


def test_a_table_with_another_key_is_refused_with_a_sentence_and_the_cache_works(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    table.make(key="id")
    one = table.machine("one")
    assert [one.ask(n % 2)[1] for n in range(4)] == ["miss", "miss", "l1", "l1"]
    one.json_cache_save()
    about = [text for text in warnings_of(caplog) if table.name in text and "cache_id" in text]
    assert about and len(warnings_of(caplog)) <= 2
    assert table.machine("one").ask(1)[1] == "l1"


WITHOUT = """
    import logging, sys
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
    from cacherator import Cached, JSONCache
    class C(JSONCache):
        @Cached()
        def f(self, n): return n
    c = C(data_id="one", dynamodb_table="some-table")
    for n in range(30): c.f(n)
    print(c.f(3), c.last_cache_status, sep="/")
    c.json_cache_save()
"""


@pytest.mark.parametrize("missing, named", [("AWS_SECRET_ACCESS_KEY", "credentials"), ("AWS_REGION", "region")])
def test_without_credentials_or_region_the_cache_is_local_and_says_so_once(
    table: Table, run_program: Callable[..., str], missing: str, named: str
) -> None:
    absent = {missing: "", **({"AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL_DYNAMODB": ""} if named == "region" else {})}
    begin = time.monotonic()
    first, result, last = run_program(WITHOUT, **absent).splitlines()
    assert time.monotonic() - begin < 8 and result == "3/l1"
    for warning in (first, last):
        assert warning.startswith("WARNING") and "some-table" in warning and named in warning.lower() and has_no_secret(warning, table)
    assert "30 of 30 results" in last and "30 of 30" not in first  # what json_cache_save() could not send
    assert table.proxy.count() == 0


def test_aws_region_alone_is_enough(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    assert one.l2["region"] == table.server.region and set(table.entries()) == {"f(1,){}"}


@pytest.mark.parametrize("name", ["a b", "ab", "x" * 256])
def test_a_name_that_no_table_can_have_raises_where_the_object_is_made(name: str) -> None:
    with pytest.raises(ValueError, match="dynamodb_table"):
        JSONCache(data_id="none", dynamodb_table=name)


def test_operations_are_logged_at_info_and_logging_false_silences_them(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cacherator")
    silent = table.machine("silent", logging=False)
    silent.f(0)
    silent.json_cache_save()
    assert caplog.text == ""
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    one.json_cache_clear("f")
    told = [record.getMessage() for record in caplog.records]
    assert all(record.levelname == "INFO" and record.name == "cacherator" for record in caplog.records)
    assert len(told) >= 3 and table.name in caplog.text and has_no_secret(caplog.text, table), told


def test_logging_false_silences_what_the_table_does_wrong(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    table.proxy.fail(faults.denied, float("inf"))
    caplog.set_level("DEBUG", "cacherator")
    silent = table.machine("silent", logging=False)
    assert silent.ask(0)[1] == "miss"
    silent.json_cache_save()
    assert caplog.text == "" and silent.l2["errors"] == {"AccessDeniedException": 1}


@pytest.mark.parametrize("folder", ["another", "silent"])
def test_what_a_silent_cache_met_first_is_told_by_the_next_one_of_its_table_that_is_not(
    table: Table, folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    table.proxy.fail(faults.denied, float("inf"))
    silent = table.machine("silent", logging=False)
    assert silent.ask(0)[1] == "miss" and warnings_of(caplog) == []
    loud = table.machine(folder)
    loud.ask(1)
    (warning,) = warnings_of(caplog)
    assert "dynamodb:BatchGetItem" in warning and table.name in warning
    table.machine("third").ask(1)
    assert len(warnings_of(caplog)) == 1
