"""What a table, its server or the network do wrong: the result is right, the time bounded, the warning helps, and no secret is in it."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from cacherator import Cached
from tables import Service, Table, eventually, faults, has_no_secret, warnings_of

FOR_EVER = float("inf")
#: One attempt goes wrong, another one brings the answer.
PASSING = {
    "500": faults.server_error, "throttled": faults.throttled, "html": faults.html_page, "refused": faults.refuses, "lost": faults.lost,
    "reset": faults.reset, "truncated": faults.truncated, "wrong crc": faults.wrong_crc, "slow": faults.slow(0.4), "unprocessed": faults.unprocessed,
}  # fmt: skip
#: As long as they last the table is of no use.
LASTING = {
    **{name: fault for name, fault in PASSING.items() if name not in ("slow", "unprocessed")},
    "slower than the limit": faults.slow(6), "never answers": faults.never, "gigantic": faults.gigantic, "gigantic in chunks": faults.gigantic_in_chunks,
    "denied": faults.denied, "denied with 400": faults.denied_with_400, "expired token": faults.expired_token, "html 403": faults.html(403),
    "invalid": faults.invalid,
}  # fmt: skip
#: What their warnings say.
SAID = {
    "500": "answers with an error (InternalServerError: The request processing has failed)", "throttled": "throttles (ProvisionedThroughputExceeded",
    "html": "answers with an error (HTTP 503)", "refused": "Connection reset", "lost": "Connection reset", "reset": "Connection reset",
    "truncated": "closed with 1 bytes remaining", "wrong crc": "damaged on its way (its CRC is wrong)", "slower than the limit": "timed out",
    "never answers": "timed out", "gigantic": "too large reply", "gigantic in chunks": "too large reply",
    "denied": "dynamodb:BatchGetItem is not allowed (AccessDenied", "denied with 400": "dynamodb:BatchGetItem is not allowed (AccessDenied",
    "expired token": "renew", "html 403": "(HTTP 403)", "invalid": "One or more parameter values were invalid",
}  # fmt: skip
#: For these somebody has to act, and the warning has to say so.
REFUSALS = {"denied": "AccessDenied", "denied with 400": "AccessDenied", "expired token": "ExpiredToken"}


def of(faults_by_name: "dict[str, faults.Fault]") -> "List[Any]":
    return [pytest.param(fault, id=name) for name, fault in faults_by_name.items()]


def timed(what: "Callable[[], Any]") -> "Tuple[Any, float]":
    begin = time.monotonic()
    result = what()
    return result, time.monotonic() - begin


@pytest.fixture
def stored(table: Table) -> Service:
    """The first machine; f(0) to f(30) are in the table."""
    table.make()
    one = table.machine("one")
    for n in range(31):
        one.f(n)
    one.json_cache_save()
    assert one.l2["written"] == 31
    table.proxy.forget()
    return one


@pytest.mark.parametrize("fault", of(PASSING))
def test_one_fault_of_a_read_is_tried_again_in_silence(stored: Service, table: Table, fault: faults.Fault, caplog: pytest.LogCaptureFixture) -> None:
    two = table.machine("two")
    table.proxy.fail(fault, 1, "BatchGetItem")
    answer, seconds = timed(lambda: two.ask(1))
    assert answer == (["one", 1], "l2") and seconds < 3.5 and table.proxy.count("BatchGetItem") >= (1 if seconds > 0.4 else 2)
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("fault", of(PASSING))
def test_one_fault_of_a_write_loses_nothing(table: Table, fault: faults.Fault, caplog: pytest.LogCaptureFixture) -> None:
    one = table.machine("one")
    one.f(0)
    one.json_cache_save()
    for operation in ("PutItem", "BatchWriteItem"):
        table.proxy.fail(fault, 1, operation)
    if fault is faults.unprocessed:
        table.proxy.heal()
        table.proxy.fail(fault, 1, "BatchWriteItem")
    for n in range(1, 6):
        one.f(n)
    _, seconds = timed(one.json_cache_save)
    assert seconds < 6 and len(table.entries()) == 6 and one.l2["queued"] == 0 and warnings_of(caplog) == []


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_fault_costs_a_bounded_time_once_and_is_said_once(stored: Service, table: Table, name: str, caplog: pytest.LogCaptureFixture) -> None:
    two = table.machine("two")
    table.proxy.fail(LASTING[name], FOR_EVER)
    answer, seconds = timed(lambda: two.ask(0))
    assert answer == (["two", 0], "miss") and seconds < 4.5
    answers, seconds = timed(lambda: [two.ask(n) for n in range(1, 20)])
    assert answers == [(["two", n], "miss") for n in range(1, 20)] and seconds < 0.5  # it is not asked again for a while
    assert two.ask(5) == (["two", 5], "l1") and two.l2["breaker"] != "closed" and sum(two.l2["errors"].values()) > 0
    assert table.proxy.wasted < 64 << 20
    eventually(lambda: two.ask(5) and warnings_of(caplog))
    (warning,) = warnings_of(caplog)
    assert SAID[name] in warning and table.name in warning and has_no_secret(warning, table)


def test_how_long_the_table_may_take_is_an_option(table: Table) -> None:
    table.make()
    one = table.machine("one", dynamodb_timeout=0.4, dynamodb_connect_timeout=timedelta(seconds=0.2))
    table.proxy.fail(faults.never, FOR_EVER)
    answer, seconds = timed(lambda: one.ask(0))
    assert answer == (["one", 0], "miss") and 0.3 < seconds < 1.5  # 3 seconds otherwise
    for name in ("dynamodb_timeout", "dynamodb_connect_timeout"):
        with pytest.raises(ValueError, match=f"{name}: .*give more than 0"):
            table.machine("two", **{name: 0})
        with pytest.raises(TypeError, match=f"{name}='soon'"):
            table.machine("two", **{name: "soon"})


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_a_warning_that_names_what_the_server_said_and_what_to_do(
    stored: Service, table: Table, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    two = table.machine("two")
    table.proxy.fail(LASTING[name], FOR_EVER)
    assert [two.ask(n)[1] for n in range(10)] == ["miss"] * 10
    eventually(lambda: two.ask(5) and warnings_of(caplog))
    (warning,) = warnings_of(caplog)
    assert table.name in warning and REFUSALS[name] in warning and len(warning) > len(table.name) + 60
    assert "dynamodb:" in warning if "denied" in name else "credentials" in warning


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "InvalidSignatureException"])
def test_where_the_clocks_differ_by_an_hour_the_servers_counts(stored: Service, table: Table, ahead: float, code: str) -> None:
    two = table.machine("two")
    table.proxy.fail(faults.clock(ahead, code), FOR_EVER)
    answers, seconds = timed(lambda: [two.ask(1), two.ask(2)])
    assert answers == [(["one", 1], "l2"), (["one", 2], "l2")] and seconds < 1
    assert two.l2["errors"] == {code: 1}


def test_half_a_batch_is_asked_for_again(stored: Service, table: Table) -> None:
    two = table.machine("two")
    table.proxy.forget()
    table.proxy.fail(faults.unprocessed, 2, "BatchGetItem")
    assert two.ask(1) == (["one", 1], "l2") and table.proxy.count("BatchGetItem") == 3


def test_a_reply_with_a_wrong_crc_is_never_used(stored: Service, table: Table) -> None:
    two = table.machine("two")
    table.proxy.fail(faults.wrong_crc, FOR_EVER)
    assert two.ask(1) == (["two", 1], "miss") and two.l2["errors"].keys() == {"crc"}


def test_what_was_computed_while_the_table_was_out_of_reach_reaches_it_later(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    one = table.machine("one")
    one.f(0)
    one.json_cache_save()
    table.proxy.down()
    for n in range(1, 40):
        assert one.ask(n) == (["one", n], "miss")
    _, seconds = timed(one.json_cache_save)
    assert seconds < 12 and one.l2["queued"] > 0
    assert any("39" in text and table.name in text for text in warnings_of(caplog)), warnings_of(caplog)
    table.proxy.up()
    eventually(lambda: len(table.entries()) == 40, within=8)
    assert table.machine("two").ask(39) == (["one", 39], "l2")


def test_saving_waits_a_bounded_time_for_a_table_that_never_answers_and_says_what_did_not_go(
    stored: Service, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    table.proxy.fail(faults.never, FOR_EVER)
    for n in range(100, 120):
        stored.f(n)
    stored.score = 1
    _, seconds = timed(stored.json_cache_save)
    assert seconds < 5.8
    (warning,) = [text for text in warnings_of(caplog) if "have not reached" in text]
    assert "20 of 20 results, 1 variable" in warning and table.name in warning and "5 s" in warning
    assert any("timed out" in text and table.name in text for text in warnings_of(caplog))
    _, seconds = timed(stored.json_cache_save)
    assert seconds < 2.5  # it is known to be out of reach


def test_what_was_computed_in_an_outage_reaches_the_table_from_a_later_process(table: Table, run_program: Callable[..., str]) -> None:
    program = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from tables import Service
        one = Service("one", dynamodb_table={table.name!r}, logging=False)
        print(*(one.ask(n)[1] for n in range(3)))
        if one.l2["breaker"] == "closed": one.json_cache_save()
    """
    assert run_program(program.replace("range(3)", "range(1)")) == "miss"
    table.proxy.down()
    begin = time.monotonic()
    assert run_program(program) == "l1 miss miss"
    assert time.monotonic() - begin < 9
    table.proxy.up()
    assert run_program(program) == "l1 l1 l1"
    assert set(table.entries()) == {f"f({n},){{}}" for n in range(3)}


def test_a_hit_in_an_outage_reaches_the_table_when_it_is_back(table: Table) -> None:
    table.make()
    Service("one").f(1)
    table.proxy.down()
    one = table.machine("one", logging=False)
    assert [one.ask(1) for _ in range(3)] == [(["one", 1], "l1")] * 3
    table.proxy.up()
    eventually(lambda: "f(1,){}" in table.entries(), within=15)
    assert table.machine("two").ask(1) == (["one", 1], "l2")


def test_a_clear_in_an_outage_holds_here_at_once_and_reaches_the_others_later(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    table.proxy.down()
    _, seconds = timed(lambda: one.json_cache_clear("f"))
    assert seconds < 5 and one.l2["clears_pending"] == 1
    eventually(lambda: one.json_cache_stats() and any(table.name in text for text in warnings_of(caplog)))
    table.proxy.up()
    assert one.ask(1) == (["one", 1], "miss") and one.ran == [1, 1]  # pending: nobody here believes what the table holds of it
    eventually(lambda: one.l2["clears_pending"] == 0, within=9)
    assert one.ask(2) == (["one", 2], "miss")
    one.json_cache_save()
    two = table.machine("two")
    assert two.ask(1) == (["two", 1], "miss") and two.ask(2) == (["one", 2], "l2")


def test_a_clear_whose_reply_was_lost_is_made_once_more_and_holds(stored: Service, table: Table) -> None:
    table.proxy.fail(faults.lost, 1, "UpdateItem")
    stored.json_cache_clear("f")
    assert stored.l2["clears_pending"] == 0 and table.machine("two").ask(1)[1] == "miss"


def test_a_clear_that_never_reached_the_table_is_told_by_the_next_process(table: Table, run_program: Callable[..., str]) -> None:
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    program = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from tables import Service
        one = Service("one", dynamodb_table={table.name!r}, logging=False)
        CALLS
        print(one.l2["clears_pending"])
    """
    table.proxy.down()
    assert run_program(program.replace("CALLS", "one.json_cache_clear()")) == "1"
    table.proxy.up()
    assert table.machine("early").ask(1)[1] == "l2"  # it could not know
    assert run_program(program.replace("CALLS", "one.f(2); one.json_cache_save()")) == "0"
    assert table.machine("late").ask(1)[1] == "miss"


def test_the_table_is_used_again_soon_after_it_is_back(stored: Service, table: Table) -> None:
    two = table.machine("two")
    table.proxy.fail(faults.server_error, FOR_EVER)
    assert two.ask(0)[1] == "miss"
    table.proxy.heal()
    n = 1
    while two.ask(n)[1] != "l2":
        n += 1
        assert n <= 30, "it was not asked again within five seconds"
        time.sleep(0.15)
    assert two.f(n) == ["one", n] and two.l2["breaker"] == "closed"


def test_an_exception_of_the_function_passes_and_is_not_remembered_whatever_the_table_does(table: Table) -> None:
    class Odd(Service):
        @Cached()
        def fails(self) -> None:
            self.ran.append("fails")
            raise KeyError("no such thing")

    odd = Odd("one", dynamodb_table=table.name)
    for fault in (faults.server_error, None):
        table.proxy.heal()
        if fault:
            table.proxy.fail(fault, FOR_EVER)
        with pytest.raises(KeyError, match="no such thing"):
            odd.fails()
    assert odd.ran == ["fails", "fails"]


def test_nothing_secret_is_in_the_files_or_in_a_fault(table: Table, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level("DEBUG", "cacherator")
    one = table.machine("one")
    one.f(1)
    table.proxy.fail(faults.expired_token, FOR_EVER)
    one.f(2)
    one.json_cache_save()
    one.score = repr(one.l2)
    one.json_cache_save()
    texts = [caplog.text, *(path.read_text(errors="replace") for path in (tmp_path / "one").iterdir())]
    assert len(texts) > 1 and all(has_no_secret(text, table) for text in texts)
