"""Many tasks, loops and signals at once: computed once, nobody waits for ever, and the loop goes on."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import sys
import threading
import time
from typing import Any, Callable, Counter, List

import pytest
from cacherator import Cached, JSONCache


class Slow(JSONCache):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._runs: Counter[Any] = collections.Counter()

    @Cached()
    async def fetch(self, key: Any, seconds: float = 0.05) -> List[Any]:
        self._runs[key] += 1
        await asyncio.sleep(seconds)
        return [key]

    @Cached()
    async def fails(self, key: Any) -> None:
        self._runs[key] += 1
        await asyncio.sleep(0.05)
        raise LookupError(key)

    @Cached()
    def sync(self, key: Any) -> Any:
        self._runs[key] += 1
        time.sleep(0.3)
        return [key]


def test_ten_thousand_tasks_on_a_hundred_keys_run_a_hundred_bodies() -> None:
    async def main() -> None:
        values = await asyncio.gather(*(c.fetch(i % 100) for i in range(10_000)))
        assert values == [[i % 100] for i in range(10_000)]

    c = Slow()
    asyncio.run(main())
    assert len(c._runs) == 100 and set(c._runs.values()) == {1}


def test_the_leader_computes_in_its_own_task_and_sees_its_context() -> None:
    where: List[Any] = []
    variable: "contextvars.ContextVar[str]" = contextvars.ContextVar("variable", default="outside")

    class Looks(JSONCache):
        @Cached()
        async def look(self) -> str:
            where.append((asyncio.current_task(), variable.get()))
            variable.set("changed within")
            return "seen"

    async def main() -> None:
        variable.set("inside")
        tasks = len(asyncio.all_tasks())
        await Looks().look()
        assert where == [(asyncio.current_task(), "inside")] and len(asyncio.all_tasks()) == tasks
        assert variable.get() == "changed within", "as after awaiting a plain coroutine"

    asyncio.run(main())


def test_of_leaders_that_run_out_of_time_the_next_takes_over() -> None:
    async def main() -> None:
        async def impatient() -> str:
            try:
                await asyncio.wait_for(c.fetch("x", 0.4), 0.1)
            except asyncio.TimeoutError:
                return "late"
            return "in time"

        first = asyncio.ensure_future(impatient())
        await asyncio.sleep(0.02)
        others = [asyncio.ensure_future(c.fetch("x", 0.4)) for _ in range(5)]
        assert await first == "late"
        assert await asyncio.gather(*others) == [["x"]] * 5

    c = Slow()
    asyncio.run(main())
    assert c._runs["x"] == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with 3.11")
def test_a_task_group_whose_member_fails_cancels_those_that_wait_and_harms_nobody() -> None:
    async def main() -> None:
        outside = asyncio.ensure_future(c.fetch("x", 0.3))
        await asyncio.sleep(0.01)
        with pytest.raises(BaseException) as raised:
            async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]
                group.create_task(c.fetch("x", 0.3))
                group.create_task(c.fails("y"))
        assert [type(e) for e in raised.value.exceptions] == [LookupError]  # type: ignore[attr-defined]
        assert await outside == ["x"]

    c = Slow()
    asyncio.run(main())
    assert c._runs == {"x": 1, "y": 1}


def test_loops_in_several_threads_compute_once() -> None:
    def loop() -> None:
        async def main() -> Any:
            return await asyncio.gather(*(c.fetch(i % 5, 0.2) for i in range(50)))

        results.append(asyncio.run(main()))

    c, results = Slow(), []  # type: Slow, List[Any]
    threads = [threading.Thread(target=loop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[[i % 5] for i in range(50)]] * 4 and set(c._runs.values()) == {1}


def test_a_loop_that_ended_while_somebody_waited_leaves_nothing_behind() -> None:
    async def give_up() -> None:
        tasks = [asyncio.ensure_future(c.hangs("x")) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in tasks)

    class Hangs(Slow):
        patient = True

        @Cached()
        async def hangs(self, key: Any) -> Any:
            if Hangs.patient:
                await asyncio.sleep(60)
            return [key]

    async def again() -> Any:
        return await asyncio.wait_for(c.hangs("x"), 5)

    c = Hangs()
    asyncio.run(give_up())
    Hangs.patient = False
    assert asyncio.run(again()) == ["x"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_share_one_computation() -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        tasks = [asyncio.create_task(c.fetch(i % 3)) for i in range(30)]
        assert await asyncio.gather(*tasks) == [[i % 3] for i in range(30)]
        assert asyncio.create_task(c.fetch(0)).done(), "a hit is done at once"

    c = Slow()
    asyncio.run(main())
    assert set(c._runs.values()) == {1}


def test_uvloop_is_a_loop_like_any_other() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> Any:
        return await asyncio.gather(*(c.fetch(i % 3) for i in range(30)))

    c = Slow()
    loop = uvloop.new_event_loop()
    assert loop.run_until_complete(main()) == [[i % 3] for i in range(30)] and set(c._runs.values()) == {1}
    loop.close()


def test_a_sync_call_of_another_thread_does_not_hold_the_loop() -> None:
    async def main() -> int:
        thread = threading.Thread(target=c.sync, args=("slow",))
        thread.start()
        ticks = 0
        while thread.is_alive():
            assert await c.fetch(ticks, 0) == [ticks]
            ticks += 1
            await asyncio.sleep(0)
        return ticks

    c = Slow()
    assert asyncio.run(main()) > 5


def test_an_exception_reaches_every_task_with_a_traceback_of_the_body() -> None:
    async def main() -> List[Any]:
        return await asyncio.gather(*(c.fails("x") for _ in range(20)), return_exceptions=True)

    c = Slow()
    errors = asyncio.run(main())
    assert [type(e) for e in errors] == [LookupError] * 20 and c._runs["x"] == 1
    names = []
    traceback = errors[0].__traceback__
    while traceback:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert "fails" in names
    asyncio.run(main())
    assert c._runs["x"] == 2, "a failure is not remembered"


def test_an_interrupt_ends_a_wait_for_a_thread_and_the_leader_goes_on(run_program: Callable[..., str]) -> None:
    assert (
        run_program("""
        import os, signal, threading, time
        from cacherator import JSONCache, Cached
        class C(JSONCache):
            runs = 0
            @Cached()
            def f(self):
                C.runs += 1
                time.sleep(0.6)
                return 1
        c = C()
        leader = threading.Thread(target=c.f)
        leader.start()
        time.sleep(0.1)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.time()
        try:
            c.f()
        except KeyboardInterrupt:
            print("interrupted", time.time() - began < 0.4)
        leader.join()
        print(c.f(), C.runs)
    """)
        == "interrupted True\n1 1"
    )


def test_an_interrupt_of_the_leader_hands_over(run_program: Callable[..., str]) -> None:
    assert (
        run_program("""
        import os, signal, threading, time
        from cacherator import JSONCache, Cached
        class C(JSONCache):
            runs = 0
            @Cached()
            def f(self):
                C.runs += 1
                time.sleep(0.5)
                return C.runs
        c, got = C(), []
        def other():
            time.sleep(0.1)
            got.append(c.f())
        waiting = threading.Thread(target=other)
        waiting.start()
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            c.f()
        except KeyboardInterrupt:
            print("interrupted")
        waiting.join()
        print(got, c.f(), C.runs)
    """)
        == "interrupted\n[2] 2 2"
    )


def test_an_interrupt_while_the_result_is_written_reaches_the_caller(run_program: Callable[..., str]) -> None:
    assert (
        run_program("""
        import dataclasses
        from cacherator import JSONCache, Cached
        @dataclasses.dataclass
        class Point:
            x: int
            def __getattribute__(self, name):
                if name == "x" and C.runs == 1:
                    raise KeyboardInterrupt
                return super().__getattribute__(name)
        class C(JSONCache):
            runs = 0
            @Cached()
            def f(self):
                C.runs += 1
                return Point(C.runs)
        c = C()
        try:
            c.f()
        except KeyboardInterrupt:
            print("interrupted")
        print(c.f(), c.f())
    """)
        == "interrupted\nPoint(x=2) Point(x=2)"
    )


def test_an_interrupt_ends_a_wait_for_another_process(run_program: Callable[..., str]) -> None:
    assert (
        run_program("""
        import multiprocessing, os, signal, threading, time
        from cacherator import JSONCache, Cached
        fork = multiprocessing.get_context("fork")
        begun = fork.Event()
        class C(JSONCache):
            @Cached()
            def f(self):
                begun.set()
                time.sleep(20)
        worker = fork.Process(target=lambda: C().f(), daemon=True)
        worker.start(), begun.wait()
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.time()
        try:
            C().f()
        except KeyboardInterrupt:
            print("interrupted", time.time() - began < 5)
        worker.kill()
    """)
        == "interrupted True"
    )


def test_a_sub_interpreter_is_refused_with_a_reason(run_program: Callable[..., str]) -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    pytest.importorskip(module)
    program = "try:\\n import cacherator\\nexcept ImportError as error:\\n print(error)"
    printed = run_program(f"""
        import {module} as interpreters
        own = interpreters.create()
        print(interpreters.run_string(own, '{program}') or "")
        interpreters.destroy(own)
    """)
    assert "sub-interpreter" in printed or "subinterpreters" in printed
