"""The event loop stays free, whatever the table does; and how many connections that takes."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Awaitable, Callable, List, Tuple

import pytest
from tables import Service, Table, eventually, faults, warnings_of


async def with_ticker(work: "Callable[[], Awaitable[Any]]") -> "Tuple[Any, float]":
    """Its result, and the longest time for which the loop did not run, in seconds."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.002)
            now = time.monotonic()
            longest = max(longest, now - last)
            last = now

    ticker = asyncio.ensure_future(tick())
    await asyncio.sleep(0.01)
    result = await work()
    ticker.cancel()
    return result, longest


def stored(table: Table, count: int) -> Service:
    one = table.machine("one")

    async def main() -> None:
        for n in range(count):
            await one.h(n)

    asyncio.run(main())
    one.json_cache_save()
    return one


def test_the_loop_runs_on_while_replies_take_300_ms(table: Table) -> None:
    stored(table, 10)
    two = table.machine("two")
    table.proxy.delay = 0.3

    async def one_after_the_other() -> "List[Any]":
        return [(await two.h(n), two.last_cache_status) for n in (0, 1, 2, 100, 101)]

    found, longest = asyncio.run(with_ticker(one_after_the_other))
    assert found == [(["one", n], "l2") for n in (0, 1, 2)] + [(["two", n], "miss") for n in (100, 101)]
    assert longest < 0.15


def test_many_that_wait_share_the_time(table: Table) -> None:
    stored(table, 20)
    two = table.machine("two")
    table.proxy.delay = 0.3

    async def all_at_once() -> "List[Any]":
        return await asyncio.gather(*(two.h(n) for n in range(20)))

    begin = time.monotonic()
    found, longest = asyncio.run(with_ticker(all_at_once))
    assert found == [["one", n] for n in range(20)] and longest < 0.15 and time.monotonic() - begin < 3


@pytest.mark.parametrize("fault", [faults.never, faults.throttled, faults.refuses], ids=["never answers", "throttled", "refused"])
def test_the_loop_runs_on_while_the_table_fails(table: Table, fault: faults.Fault) -> None:
    stored(table, 1)
    two = table.machine("two")
    table.proxy.fail(fault, float("inf"))

    async def all_at_once() -> "List[Any]":
        return await asyncio.gather(*(two.h(n) for n in range(10)))

    begin = time.monotonic()
    found, longest = asyncio.run(with_ticker(all_at_once))
    assert found == [["two", n] for n in range(10)] and longest < 0.15 and time.monotonic() - begin < 5


def test_a_thousand_reads_at_once_take_at_most_32_connections(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    stored(table, 1000)
    two = table.machine("two")
    before = table.proxy.connections
    table.proxy.most_open = table.proxy.open

    async def all_at_once() -> "List[Any]":
        return await asyncio.gather(*(two.h(n) for n in range(1000)))

    assert asyncio.run(all_at_once()) == [["one", n] for n in range(1000)]
    assert two.ran == [] and two.l2["hits"] == 1000 and warnings_of(caplog) == []
    assert table.proxy.most_open <= 32 and table.proxy.connections - before <= 32


def test_tasks_that_ask_the_same_at_once_ask_the_table_once(table: Table) -> None:
    stored(table, 1)
    two = table.machine("two")
    table.proxy.forget()
    table.proxy.delay = 0.05

    async def all_at_once() -> "List[Any]":
        return await asyncio.gather(*(two.h(0) for _ in range(50)))

    assert asyncio.run(all_at_once()) == [["one", 0]] * 50
    assert [request.operation for request in table.proxy.requests] == ["BatchGetItem"]


def test_a_task_that_is_cancelled_while_it_waits_for_the_table_harms_nobody(table: Table) -> None:
    stored(table, 2)
    two = table.machine("two")
    table.proxy.delay = 0.2

    async def main() -> None:
        tasks = [asyncio.ensure_future(two.h(0)) for _ in range(3)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        assert [await task for task in tasks[1:]] == [["one", 0]] * 2
        assert await two.h(1) == ["one", 1]

    asyncio.run(main())
    assert two.ran == []


def test_a_loop_that_ended_while_a_task_waited_for_the_table_harms_nobody(table: Table) -> None:
    stored(table, 1)
    two = table.machine("two")
    table.proxy.delay = 0.3

    async def main() -> None:
        asyncio.ensure_future(two.h(0))
        await asyncio.sleep(0.05)

    asyncio.run(main())
    eventually(lambda: two.json_cache_stats()["total_entries"] == 1 or table.proxy.count("BatchGetItem"))
    time.sleep(0.4)
    assert asyncio.run(two.h(0)) == ["one", 0] and two.ran == []


def test_sync_calls_in_a_loop_and_in_threads_find_the_same(table: Table) -> None:
    one = table.machine("one")
    for n in range(8):
        one.f(n)
    one.json_cache_save()
    two = table.machine("two")

    async def main() -> "List[Any]":
        loop = asyncio.get_running_loop()
        return [two.f(0), *(await asyncio.gather(*(loop.run_in_executor(None, two.f, n) for n in range(1, 8))))]

    assert asyncio.run(main()) == [["one", n] for n in range(8)] and two.ran == []
