"""Many tasks at once, in one event loop and in several."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest
from cacherator import Cached, JSONCache
from shared import Counted, together


def test_a_thousand_tasks_on_twenty_keys_run_twenty_bodies() -> None:
    async def main() -> None:
        c = Counted()
        results = await asyncio.gather(*(asyncio.create_task(c.later(i % 20)) for i in range(1000)))
        assert results == [[i % 20] for i in range(1000)] and c.runs == {i: 1 for i in range(20)}
        assert set(c.cache_status.values()) <= {"l1", "miss"} and len(c.cache_status) == 20

    asyncio.run(main())


def test_an_async_exception_reaches_all_who_wait_and_is_not_cached() -> None:
    async def main() -> None:
        c = Counted()
        results = await asyncio.gather(*(c.fails_later("x") for _ in range(100)), return_exceptions=True)
        assert all(type(r) is ValueError for r in results) and c.runs["x"] == 1
        with pytest.raises(ValueError):
            await c.fails_later("x")
        assert c.runs["x"] == 2 and c.json_cache_stats()["total_entries"] == 0

    asyncio.run(main())


def test_leaders_cancelled_one_after_the_other_hand_over_to_the_last() -> None:
    async def main() -> None:
        c = Counted()
        tasks = [asyncio.create_task(c.later("x")) for _ in range(10)]
        for task in tasks[:-1]:
            await asyncio.sleep(0.001)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(r) for r in results] == [asyncio.CancelledError] * 9 + [list] and c.runs["x"] == 10

    asyncio.run(main())


def test_waiters_cancelled_or_out_of_patience_harm_nobody() -> None:
    async def main() -> None:
        c = Counted()
        leader = asyncio.create_task(c.later("x"))
        await asyncio.sleep(0)
        waiters = [asyncio.create_task(c.later("x")) for _ in range(10)]
        await asyncio.sleep(0.001)
        [w.cancel() for w in waiters[::2]]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(c.later("x"), 0.001)
        assert await leader == ["x"] and await asyncio.gather(*waiters[1::2]) == [["x"]] * 5
        assert c.runs["x"] == 1

    asyncio.run(main())


def test_a_second_event_loop_goes_on_after_the_first_was_closed() -> None:
    c = Counted()
    for _ in range(3):
        assert asyncio.run(c.later("x")) == ["x"]
    assert c.runs["x"] == 1


def test_event_loops_in_several_threads_share_one_computation() -> None:
    c = Counted()

    async def main() -> Any:
        return await asyncio.gather(*(c.later(i % 5) for i in range(50)))

    assert together(6, lambda i: asyncio.run(main())) == [[[i % 5] for i in range(50)]] * 6
    assert c.runs == {i: 1 for i in range(5)}


def test_a_waiter_whose_loop_was_closed_meanwhile_harms_nobody() -> None:
    results = []

    class Slow(Counted):
        @Cached()
        async def f(self) -> int:
            self.runs["f"] += 1
            await asyncio.sleep(0.15)
            return 5

    s = Slow()
    leader = threading.Thread(target=lambda: results.append(asyncio.run(s.f())))
    leader.start()
    time.sleep(0.03)

    async def impatient() -> None:
        await asyncio.wait_for(s.f(), 0.02)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(impatient())
    leader.join()
    assert results == [5] and asyncio.run(s.f()) == 5 and s.runs["f"] == 1


def test_a_leader_whose_task_is_dropped_with_its_loop_hands_over() -> None:
    c = Counted()
    loop = asyncio.new_event_loop()
    task = loop.create_task(c.later("x"))
    loop.run_until_complete(asyncio.sleep(0))
    loop.set_exception_handler(lambda *_: None)
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    gc.collect()
    assert asyncio.run(asyncio.wait_for(c.later("x"), 5)) == ["x"] and c.runs["x"] == 2  # type: ignore[arg-type]


def test_a_coroutine_closed_half_way_hands_over() -> None:
    c = Counted()

    async def main() -> None:
        coroutine = c.later("x")
        step = coroutine.send(None)
        assert step is not None
        coroutine.close()
        assert await asyncio.wait_for(c.later("x"), 5) == ["x"]

    asyncio.run(main())
    assert c.runs["x"] == 2


def test_mutual_recursion_over_tasks_ends() -> None:
    class Mutual(JSONCache):
        @Cached()
        async def even(self, n: int) -> bool:
            await asyncio.sleep(0)
            return True if n == 0 else await asyncio.create_task(self.odd(n - 1))  # type: ignore[arg-type]

        @Cached()
        async def odd(self, n: int) -> bool:
            await asyncio.sleep(0)
            return False if n == 0 else (await asyncio.gather(self.even(n - 1)))[0]

    async def main() -> None:
        m = Mutual()
        tasks = [m.even(20), m.odd(20), m.even(21), m.odd(21)]
        assert await asyncio.wait_for(asyncio.gather(*tasks), 10) == [True, False, False, True]

    asyncio.run(main())


def test_two_tasks_that_need_each_other_do_not_wait_for_ever() -> None:
    class Cycle(JSONCache):
        calls = 0

        @Cached()
        async def a(self) -> str:
            await asyncio.sleep(0.01)
            return "a" + await self.next(self.b)

        @Cached()
        async def b(self) -> str:
            await asyncio.sleep(0.01)
            return "b" + await self.next(self.a)

        async def next(self, method: Any) -> str:
            Cycle.calls += 1
            return "!" if Cycle.calls > 10 else str(await method())

    async def main() -> None:
        c = Cycle()
        results = await asyncio.wait_for(asyncio.gather(c.a(), c.b()), 10)
        assert all(r.endswith("!") for r in results)

    asyncio.run(main())


def test_a_task_that_outlives_the_call_that_made_it_finds_its_result() -> None:
    class Outlives(Counted):
        @Cached()
        async def f(self, x: int) -> int:
            self.runs[x] += 1
            self._task = asyncio.create_task(self.ask(x))
            return x

        async def ask(self, x: int) -> int:
            await asyncio.sleep(0.01)
            return await self.f(x)

    async def main() -> None:
        o = Outlives()
        assert await o.f(1) == 1 and await o._task == 1 and o.runs[1] == 1

    asyncio.run(main())


def test_hits_serve_in_debug_mode_and_in_every_helper_of_asyncio() -> None:
    async def main() -> None:
        c = Counted()
        await c.later(1)
        task = asyncio.create_task(c.later(1))
        assert "Counted.later" in repr(task)
        assert await task == await asyncio.shield(c.later(1)) == await asyncio.wait_for(c.later(1), 1) == [1]
        assert [await f for f in asyncio.as_completed([c.later(1), c.later(1)])] == [[1], [1]]
        assert await asyncio.gather(c.later(1), c.later(2)) == [[1], [2]]
        assert await asyncio.ensure_future(c.later(1)) == [1]
        done, _ = await asyncio.wait([asyncio.create_task(c.later(1))])
        assert [d.result() for d in done] == [[1]]
        cancelled = asyncio.create_task(c.later(1))
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        c.later(1).close()
        c.later(9).close()
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, lambda: asyncio.run_coroutine_threadsafe(c.later(1), loop).result(5)) == [1]

    asyncio.run(main(), debug=True)


def test_the_status_of_async_calls_is_that_of_the_last_to_end() -> None:
    async def main() -> None:
        c = Counted()
        assert c.last_cache_status is None
        coroutine = c.later(1)
        assert c.last_cache_status is None, "an async call looks when it is awaited"
        await coroutine
        assert c.last_cache_status == "miss" and c.cache_status == {"later(1,){}": "miss"}
        await c.later(1)
        assert c.last_cache_status == "l1" and c.cache_status == {"later(1,){}": "l1"}
        with pytest.raises(ValueError):
            await c.fails_later(1)
        assert c.last_cache_status == "l1" and c.cache_status == {"later(1,){}": "l1"}

    asyncio.run(main())
