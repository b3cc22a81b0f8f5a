"""Machines that are processes of their own: one computation among them (single_flight="fleet"), forks, exits and kills."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from cacherator import JSONCache
from tables import Service, Table, eventually

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""
    import sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})
    from cacherator import Cached
    from tables import Service
    class Slow(Service):
        @Cached()
        def slow(self, n):
            open("ran", "a").write(self.name + "\\n")
            time.sleep(SECONDS)
            return [self.name, n]
    one = Slow("FOLDER", dynamodb_table="TABLE", OPTIONS)
    CALLS
"""


def program(table: Table, folder: str, calls: str, options: str = "", seconds: float = 0.5) -> str:
    source = PROGRAM.replace("FOLDER", folder).replace("TABLE", table.name).replace("OPTIONS", options).replace("SECONDS", str(seconds))
    return source.replace("CALLS", calls)


def test_with_a_fleet_what_two_machines_ask_at_once_is_computed_once(table: Table, start: Callable[..., Any], own_folder: Path) -> None:
    table.make()
    asks = "print(one.slow(1), one.last_cache_status)"
    running = [start(program(table, name, asks, 'single_flight="fleet"', 1.5)) for name in ("one", "two", "three")]
    answers = sorted(each.end() for each in running)
    (who,) = (own_folder / "ran").read_text().split()
    assert answers == [f"['{who}', 1] l2"] * 2 + [f"['{who}', 1] miss"]


def test_by_default_machines_do_not_wait_for_each_other(table: Table, start: Callable[..., Any], own_folder: Path) -> None:
    table.make()
    running = [start(program(table, name, "print(one.slow(1)[0])", seconds=1.5)) for name in ("one", "two")]
    assert sorted(each.end() for each in running) == ["one", "two"]
    assert sorted((own_folder / "ran").read_text().split()) == ["one", "two"]


def test_a_leader_that_fails_leaves_the_lead_to_another_machine(table: Table, start: Callable[..., Any]) -> None:
    table.make()
    fails = """
    class Fails(Slow):
        @Cached()
        def slow(self, n):
            time.sleep(1)
            raise KeyError(n)
    bad = Fails("bad", dynamodb_table=one.l2["table"], single_flight="fleet")
    try: bad.slow(1)
    except KeyError: print("failed")
    """
    first = start(program(table, "one", fails, 'single_flight="fleet"'))
    time.sleep(0.6)
    second = start(program(table, "two", "print(one.slow(1), one.last_cache_status)", 'single_flight="fleet"'))
    assert first.end() == "failed" and second.end() == "['two', 1] miss"


def test_a_machine_that_is_killed_while_it_leads_is_followed_when_its_lease_ends(table: Table, start: Callable[..., Any], own_folder: Path) -> None:
    table.make()
    leader = start(program(table, "leader", "one.slow(1)", 'single_flight="fleet"', 60))
    eventually((own_folder / "ran").exists)
    follower = start(program(table, "follower", "print(one.slow(1), one.last_cache_status)", 'single_flight="fleet"', 0))
    time.sleep(4)  # longer than until the lease is renewed for the first time
    assert (own_folder / "ran").read_text() == "leader\n"
    leader.process.kill()
    killed = time.monotonic()
    assert follower.end() == "['follower', 1] miss"
    assert time.monotonic() - killed < 12  # a lease lasts for 10 seconds


def test_a_fleet_computes_though_the_table_is_out_of_reach(table: Table) -> None:
    table.proxy.down()
    one = table.machine("one", single_flight="fleet", logging=False)
    begin = time.monotonic()
    assert [one.ask(n)[1] for n in range(20)] == ["miss"] * 20 and time.monotonic() - begin < 6


def test_a_fleet_keeps_a_value_that_is_fresh(table: Table) -> None:
    one = table.machine("one", single_flight="fleet")
    assert one.ask(1) == (["one", 1], "miss")
    one.json_cache_save()
    two = table.machine("two", single_flight="fleet")
    assert two.ask(1) == (["one", 1], "l2") and table.machine("three").ask(1) == (["one", 1], "l2")


def test_only_machine_and_fleet_are_kinds_of_single_flight() -> None:
    with pytest.raises((TypeError, ValueError), match="single_flight"):
        JSONCache(data_id="odd", single_flight="galaxy")  # type: ignore[arg-type]


def test_a_program_that_just_ends_has_written_what_it_computed(table: Table, run_program: Callable[..., str]) -> None:
    run_program(program(table, "one", "one.f(1); one.f(2)"))
    assert table.machine("two").ask(2) == (["one", 2], "l2")


def test_a_program_ends_soon_though_the_table_never_answers(table: Table, run_program: Callable[..., str]) -> None:
    import faults

    table.proxy.fail(faults.never, float("inf"))
    begin = time.monotonic()
    ends = run_program(program(table, "one", "[one.f(n) for n in range(50)]; print(time.monotonic())", "logging=False"))
    assert time.monotonic() - begin < 9.5 and time.monotonic() - float(ends) < 3.5
    assert Service("one").ask(49)[1] == "l1"


def test_a_killed_process_leaves_its_results_here_and_another_sends_them(table: Table, start: Callable[..., Any]) -> None:
    table.make()
    table.proxy.delay = 0.3
    writer = start(program(table, "one", "one.f(1); print(1, flush=True); time.sleep(60)"))
    assert writer.process.stdout.readline() == "1\n"
    writer.process.kill()
    writer.process.wait()
    table.proxy.delay = 0
    again = table.machine("one")
    assert again.ask(1) == (["one", 1], "l1")
    again.json_cache_save()
    assert table.machine("two").ask(1) == (["one", 1], "l2")


def test_while_a_clear_is_pending_no_process_of_the_machine_believes_what_the_table_has_of_it(table: Table, start: Callable[..., Any]) -> None:
    import faults

    def line(writes: str = "") -> str:
        beside.process.stdin.write(writes)
        beside.process.stdin.flush()
        return str(beside.process.stdout.readline().strip())

    one, two = table.machine("one", logging=False), table.machine("two")
    one.f(1), two.g(2)
    one.json_cache_save(), two.json_cache_save()
    live = "print(one.f(1), one.last_cache_status, flush=True)"
    asks = "print(one.f(1), one.last_cache_status, one.g(2), one.last_cache_status, one.l2['clears_pending'], flush=True)"
    calls = f"one.name = 'beside'; {live}; sys.stdin.readline(); {asks}; sys.stdin.readline(); one.json_cache_save()"
    beside = start(program(table, "one", calls, "logging=False"))
    assert line() == "['one', 1] l1"
    table.proxy.fail(faults.denied, float("inf"), "UpdateItem")
    one.json_cache_clear("f")
    assert one.l2["clears_pending"] == 1 and table.machine("early").ask(1) == (["one", 1], "l2")  # so it could be read
    assert line("\n") == "['beside', 1] miss ['two', 2] l2 1"
    table.proxy.heal()
    beside.process.stdin.write("\n")
    beside.end()
    assert table.machine("late").ask(1) == (["late", 1], "miss")


def test_a_forked_child_goes_on_with_connections_of_its_own(table: Table) -> None:
    one = table.machine("one")
    one.f(1), one.f(2)
    one.json_cache_save()
    two = table.machine("two")
    assert two.ask(1)[1] == "l2"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if two.ask(2) == (["one", 2], "l2") and two.ask(3) == (["two", 3], "miss") else 2
            two.json_cache_save()
        finally:
            os._exit(code)
    assert two.ask(4) == (["two", 4], "miss")
    assert os.waitpid(child, 0)[1] == 0
    two.json_cache_save()
    three = table.machine("three")
    assert [three.ask(n) for n in (3, 4)] == [(["two", 3], "l2"), (["two", 4], "l2")]


@pytest.mark.parametrize("harm", ["clears", "values", "files", "table"])
def test_what_kills_look_for_is_seen_where_it_is_done_on_purpose(dynalite: Any, harm: str) -> None:
    command = [sys.executable, str(ROOT / "tests/dynamodb/kills.py"), "--seconds", "2", "--endpoint", dynalite.endpoint, "--sabotage", harm, "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_lost_and_nothing_comes_back_when_processes_of_two_machines_are_killed(dynalite: Any) -> None:
    command = [sys.executable, str(ROOT / "tests/dynamodb/kills.py"), "--seconds", "15", "--endpoint", dynalite.endpoint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
