"""Many at once: threads, tasks, event loops, signals, forks, and the end of the interpreter."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from cacherator import Cached, JSONCache

PROLOGUE = """
import asyncio, os, signal, sys, threading, time
from cacherator import JSONCache, Cached
class C(JSONCache):
    n = 0
    @Cached()
    def f(self, x):
        return x
    @Cached()
    def slow(self, x):
        C.n += 1
        time.sleep(0.3)
        return x
    @Cached()
    async def later(self, x):
        C.n += 1
        await asyncio.sleep(0.3)
        return x
    @Cached()
    async def soon(self, x):
        return x
"""


def run(source: str, folder: Path, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROLOGUE + textwrap.dedent(source)], cwd=folder, capture_output=True, text=True, timeout=timeout
    )


def together(count: int, call: Callable[[int], Any]) -> List[Any]:
    """What `call(i)` returned or raised in each of `count` threads that began at one moment."""
    barrier, results = threading.Barrier(count), [None] * count

    def one(i: int) -> None:
        barrier.wait()
        try:
            results[i] = call(i)
        except BaseException as error:
            results[i] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    [t.start() for t in threads], [t.join(30) for t in threads]
    assert not any(t.is_alive() for t in threads), "threads hang"
    return results


class Counted(JSONCache):
    """Counts the computations of each call."""

    def __init__(self, **options: Any) -> None:
        self._excluded_cache_vars = ["runs"]
        super().__init__(**options)
        self.runs: Dict[Any, int] = collections.Counter()

    @Cached()
    def slow(self, x: Any) -> Any:
        self.runs[x] += 1
        time.sleep(0.05)
        return [x]

    @Cached()
    def fails(self, x: Any) -> Any:
        self.runs[x] += 1
        time.sleep(0.05)
        raise ValueError(x)

    @Cached()
    async def later(self, x: Any) -> Any:
        self.runs[x] += 1
        await asyncio.sleep(0.02)
        return [x]

    @Cached()
    async def fails_later(self, x: Any) -> Any:
        self.runs[x] += 1
        await asyncio.sleep(0.02)
        raise ValueError(x)


# ---- threads


def test_eight_threads_on_five_keys_run_five_bodies() -> None:
    c = Counted()
    results = together(8, lambda i: [c.slow((i + k) % 5)[0] for k in range(5)])
    assert results == [[(i + k) % 5 for k in range(5)] for i in range(8)]
    assert c.runs == {k: 1 for k in range(5)}


def test_eight_objects_of_one_data_id_in_eight_threads_compute_once() -> None:
    objects = [Counted(data_id="shared") for _ in range(8)]
    assert together(8, lambda i: objects[i].slow("x")) == [["x"]] * 8
    assert sum(o.runs["x"] for o in objects) == 1
    assert sorted(str(o.last_cache_status) for o in objects) == ["l1"] * 7 + ["miss"]


def test_eight_threads_on_a_plain_function_compute_once() -> None:
    runs = []

    @Cached
    def plain(x: int) -> int:
        runs.append(x)
        time.sleep(0.05)
        return x

    assert together(8, lambda i: plain(1)) == [1] * 8 and runs == [1]


def test_an_exception_reaches_all_who_wait_and_the_next_call_computes() -> None:
    c = Counted()
    errors = together(8, lambda i: c.fails("x"))
    assert all(type(e) is ValueError and e.args == ("x",) for e in errors) and c.runs["x"] == 1
    assert all(len(traceback.format_exception(type(e), e, e.__traceback__)) < 20 for e in errors)
    with pytest.raises(ValueError):
        c.fails("x")
    assert c.runs["x"] == 2 and c.json_cache_stats()["total_entries"] == 0


def test_recursion_is_computed_from_all_threads_at_once() -> None:
    class Fib(JSONCache):
        runs: List[int] = []

        @Cached()
        def fib(self, n: int) -> int:
            Fib.runs.append(n)
            return n if n < 2 else self.fib(n - 1) + self.fib(n - 2)

    f = Fib()
    assert together(8, lambda i: f.fib(40 + i % 2)) == [102334155, 165580141] * 4
    assert sorted(set(Fib.runs)) == list(range(42)) and len(Fib.runs) < 8 * 42
    assert f.fib(300) == f.fib(299) + f.fib(298)


def test_recursion_that_is_too_deep_is_an_error_and_no_harm() -> None:
    class Deep(JSONCache):
        @Cached()
        def f(self, n: int) -> int:
            return 0 if n == 0 else 1 + self.f(n - 1)

    d = Deep()
    with pytest.raises(RecursionError):
        d.f(100_000)
    assert d.f(100) == 100


def test_mutual_recursion_over_threads_ends() -> None:
    class Mutual(JSONCache):
        @Cached()
        def even(self, n: int) -> bool:
            time.sleep(0.001)
            return True if n == 0 else self.odd(n - 1)

        @Cached()
        def odd(self, n: int) -> bool:
            time.sleep(0.001)
            return False if n == 0 else self.even(n - 1)

    m = Mutual()
    assert together(8, lambda i: (m.even if i % 2 else m.odd)(20 + i)) == [(20 + i) % 2 == (0 if i % 2 else 1) for i in range(8)]


def test_two_that_need_each_other_do_not_wait_for_ever() -> None:
    class Cycle(JSONCache):
        calls = 0

        @Cached()
        def a(self) -> str:
            time.sleep(0.05)
            return "a" + self.next(self.b)

        @Cached()
        def b(self) -> str:
            time.sleep(0.05)
            return "b" + self.next(self.a)

        def next(self, method: Any) -> str:
            Cycle.calls += 1
            return "!" if Cycle.calls > 10 else str(method())

    c = Cycle()
    results = together(2, lambda i: c.a() if i else c.b())
    assert all(isinstance(r, str) and r.endswith("!") for r in results)


def test_a_leader_that_asks_itself_over_a_pool_does_not_wait_for_ever(tmp_path: Path) -> None:
    source = """
        from concurrent.futures import ThreadPoolExecutor
        class P(JSONCache):
            depth = 0
            def __init__(self):
                super().__init__(single_flight_wait=0.3)
            @Cached()
            def f(self):
                P.depth += 1
                if P.depth > 1:
                    return "inner"
                with ThreadPoolExecutor(1) as pool:
                    return pool.submit(self.f).result()
        print(P().f())
    """
    try:
        assert run(source, tmp_path, timeout=5).stdout == "inner\n"
    except subprocess.TimeoutExpired:
        pytest.fail("waits for itself")


def test_threads_that_a_leader_joins_may_make_cached_calls() -> None:
    class Joins(Counted):
        @Cached()
        def outer(self) -> Any:
            return together(4, lambda i: self.slow(i % 2))

    j = Joins()
    assert j.outer() == [[0], [1], [0], [1]] and j.runs == {0: 1, 1: 1}


def test_clears_saves_looks_and_calls_from_many_threads_agree() -> None:
    wrong: List[Any] = []
    until = time.time() + 0.7

    def work(k: int) -> None:
        i = 0
        while time.time() < until:
            i += 1
            if c.quick(i % 50) != [i % 50]:
                wrong.append(i)
            if i % 10 == 0:
                actions[k]()

    class Quick(Counted):
        @Cached()
        def quick(self, x: int) -> List[int]:
            return [x]

    c = Quick()
    actions: List[Callable[[], Any]] = [
        c.json_cache_clear,
        lambda: c.json_cache_clear("quick"),
        lambda: (c.cache_status, c.json_cache_stats(), c._json_cache_func_cache, c.json_cache_info()),
        lambda: (c.json_cache_save(), setattr(c, "_json_cache_ttl", 999)),
        lambda: setattr(c, f"state_{time.time_ns() % 100}", 1),
    ]
    assert together(5, work) == [None] * 5 and wrong == []
    c.json_cache_save()
    again = Quick()
    assert all(again.quick(x) == [x] for x in range(50))


def test_one_call_may_be_cleared_while_others_ask_for_it(tmp_path: Path) -> None:
    for _ in range(4):
        done = run(
            """
            sys.setswitchinterval(1e-6)
            c, until = C(logging=False), time.time() + 1
            def ask():
                while time.time() < until:
                    assert c.f(7) == 7
            def clear():
                while time.time() < until:
                    c.json_cache_clear("f(7,){}")
            threads = [threading.Thread(target=t) for t in (ask, ask, ask, clear)]
            [t.start() for t in threads], [t.join() for t in threads]
            """,
            tmp_path,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_clear_while_it_is_computed_counts() -> None:
    c = Counted()
    thread = threading.Thread(target=c.slow, args=("x",))
    thread.start()
    time.sleep(0.02)
    c.json_cache_clear()
    thread.join()
    c.slow("x")
    assert c.runs["x"] == 2


def test_a_set_of_variables_saved_by_one_thread_and_changed_by_others_ends_complete() -> None:
    c = JSONCache(data_id="races")
    together(3, lambda k: [setattr(c, f"v{k}_{i % 50}", i) if k else c.json_cache_save() for i in range(300)])
    c.json_cache_save()
    saved = {name: value for name, value in vars(JSONCache(data_id="races")).items() if name.startswith("v")}
    assert saved == {name: value for name, value in vars(c).items() if name.startswith("v")} and len(saved) == 100


def test_the_body_runs_in_the_callers_context() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    class C(JSONCache):
        @Cached()
        def f(self) -> int:
            seen = variable.get()
            variable.set(2)
            return seen

        @Cached()
        async def g(self) -> int:
            seen = variable.get()
            variable.set(3)
            return seen

    async def main() -> None:
        c = C()
        variable.set(1)
        assert c.f() == 1 and variable.get() == 2
        assert await c.g() == 2 and variable.get() == 3

    asyncio.run(main())


# ---- asyncio


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


# ---- signals


def test_an_interrupt_while_leading_is_the_leaders_alone(tmp_path: Path) -> None:
    done = run(
        """
        c, results = C(), []
        waiter = threading.Thread(target=lambda: (time.sleep(0.05), results.append(c.slow(1))))
        waiter.start()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            c.slow(1)
        except KeyboardInterrupt:
            results.append("interrupted")
        waiter.join()
        print(results, C.n, c.json_cache_stats()["total_entries"])
        """,
        tmp_path,
    )
    assert done.stdout == "['interrupted', 1] 2 1\n", done.stderr


def test_an_interrupt_while_waiting_is_heard_at_once_and_leaves_the_leader_alone(tmp_path: Path) -> None:
    done = run(
        """
        c, results = C(), []
        leader = threading.Thread(target=lambda: results.append(c.slow(1)))
        leader.start()
        time.sleep(0.05)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            c.slow(1)
        except KeyboardInterrupt:
            results.append("interrupted")
        leader.join()
        print(results, C.n, c.slow(1), C.n)
        """,
        tmp_path,
    )
    assert done.stdout == "['interrupted', 1] 1 1 1\n", done.stderr


def test_an_interrupt_of_an_event_loop_is_not_cached_and_harms_no_later_call(tmp_path: Path) -> None:
    done = run(
        """
        c = C()
        async def main():
            return await asyncio.gather(c.later(1), c.later(1))
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            print(asyncio.run(main()))
        except KeyboardInterrupt:
            print("interrupted", c.json_cache_stats()["total_entries"])
        print(asyncio.run(main()))
        """,
        tmp_path,
    )
    assert done.stdout == "interrupted 0\n[1, 1]\n", done.stderr


def test_an_exit_from_a_body_is_an_exit(tmp_path: Path) -> None:
    done = run(
        """
        class E(JSONCache):
            @Cached()
            def f(self):
                raise SystemExit(7)
        E().f()
        """,
        tmp_path,
    )
    assert done.returncode == 7 and done.stderr == ""


# ---- the end of the interpreter, forks, other processes


@pytest.mark.parametrize("what", ["c.f((k, i))", "c.json_cache_save()", "asyncio.run(c.soon((k, i)))", "c.cache_status; c.f(i)"])
def test_daemon_threads_that_call_do_not_trouble_the_end(what: str, tmp_path: Path) -> None:
    source = f"""
        c = C()
        def work(k):
            i = 0
            while True:
                {what}
                i += 1
        for k in range(4):
            threading.Thread(target=work, args=(k,), daemon=True).start()
        time.sleep(0.1)
        print("end")
    """
    for _ in range(4):
        done = run(source, tmp_path)
        assert (done.returncode, done.stdout, done.stderr[-300:]) == (0, "end\n", "")


def test_daemon_threads_that_lead_or_wait_do_not_trouble_the_end(tmp_path: Path) -> None:
    done = run(
        """
        c = C()
        c.f("kept")
        c.state = 1
        for k in range(4):
            threading.Thread(target=lambda: c.slow(1), daemon=True).start()
            threading.Thread(target=lambda: asyncio.run(c.later(1)), daemon=True).start()
        time.sleep(0.1)
        print("end")
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr[-300:]
    os.chdir(tmp_path)
    kept = JSONCache(data_id="C")
    assert kept.state == 1 and list(kept.cache_status) == ["f('kept',){}"]  # type: ignore[attr-defined]


def test_forks_from_a_process_of_busy_threads_work_on(tmp_path: Path) -> None:
    done = run(
        """
        c, stop = C(), threading.Event()
        def work(k):
            i = 0
            while not stop.is_set():
                c.f((k, i))
                i += 1
                if i % 20 == 0:
                    c.json_cache_save()
                time.sleep(0.0005)
        threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
        leader = threading.Thread(target=c.slow, args=(1,))
        [t.start() for t in [*threads, leader]]
        ends = []
        for n in range(12):
            time.sleep(0.01)
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                try:
                    for i in range(10):
                        c.f(("child", n, i))
                    c.slow(1)
                    c.json_cache_save()
                    os._exit(0 if c.cache_status[f"f(('child', {n}, 0),){{}}"] == "miss" else 1)
                finally:
                    os._exit(2)
            ends.append(os.waitpid(child, 0)[1])
        stop.set()
        [t.join() for t in [*threads, leader]]
        print(set(ends), all(c.f(("child", n, i)) == ("child", n, i) and c.last_cache_status == "l1" for n in range(12) for i in range(10)))
        """,
        tmp_path,
    )
    assert done.stdout == "{0} True\n", done.stderr[-500:]


def test_multiprocessing_of_every_kind_shares_its_results(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
        import multiprocessing, time
        from cacherator import JSONCache, Cached
        class C(JSONCache):
            @Cached()
            def f(self, x):
                with open("runs", "a") as runs:
                    runs.write(f"{x}\\n")
                time.sleep(0.05)
                return x * 2
        def by_data_id(x): return C(data_id="many").f(x)
        def by_object(both): return both[0].f(both[1])
        if __name__ == "__main__":
            c = C(data_id="many")
            c.f(100)
            for kind in multiprocessing.get_all_start_methods():
                with multiprocessing.get_context(kind).Pool(3) as pool:
                    print(pool.map(by_data_id, [0, 1, 2] * 3, chunksize=1), pool.map(by_object, [(c, 100), (c, 7)]))
            print(sorted({int(x) for x in open("runs")}), open("runs").read().count("100"), c.json_cache_stats()["total_entries"])
        """)
    )
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    line = "[0, 2, 4, 0, 2, 4, 0, 2, 4] [200, 14]\n"
    assert done.stdout == 3 * line + "[0, 1, 2, 7, 100] 1 5\n", done.stderr[-500:]


def test_processes_that_call_at_one_moment_compute_once(tmp_path: Path) -> None:
    done = run(
        """
        import multiprocessing
        fork = multiprocessing.get_context("fork")
        barrier, runs = fork.Barrier(3), fork.Value("i", 0)
        class D(JSONCache):
            @Cached()
            def f(self, x):
                with runs: runs.value += 1
                time.sleep(0.1)
                return x
        def work():
            d = D()
            for x in range(3):
                barrier.wait()
                d.f(x)
        workers = [fork.Process(target=work) for _ in range(3)]
        [w.start() for w in workers], [w.join() for w in workers]
        print(runs.value)
        """,
        tmp_path,
    )
    assert done.stdout == "3\n", done.stderr[-500:]


def test_tasks_wait_for_another_process_and_the_loop_goes_on(tmp_path: Path) -> None:
    done = run(
        """
        import asyncio, multiprocessing
        fork = multiprocessing.get_context("fork")
        runs, begun = fork.Value("i", 0), fork.Event()
        class D(JSONCache):
            @Cached()
            async def f(self, x):
                with runs: runs.value += 1
                begun.set()
                await asyncio.sleep(0.3)
                return x
        def work():
            asyncio.run(D().f(1))
        async def ask():
            d, ticks, tasks = D(), 0, []
            tasks = [asyncio.create_task(d.f(1)) for _ in range(20)]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0.01)
                ticks += 1
            return [task.result() for task in tasks] == [1] * 20, ticks > 5
        worker = fork.Process(target=work)
        worker.start(), begun.wait()
        print(asyncio.run(ask()), runs.value)
        worker.join()
        """,
        tmp_path,
    )
    assert done.stdout == "(True, True) 1\n", done.stderr[-500:]


def test_a_forked_child_that_ends_normally_saves_what_it_made(tmp_path: Path) -> None:
    done = run(
        """
        c = C()
        c.f("parent")
        child = os.fork()
        if child == 0:
            c.f("child")
            c.of_child = 1
            sys.exit(0)
        print(os.waitpid(child, 0)[1])
        """,
        tmp_path,
    )
    os.chdir(tmp_path)
    kept = JSONCache(data_id="C")
    assert done.stdout == "0\n" and set(kept.cache_status) == {"f('parent',){}", "f('child',){}"} and kept.of_child == 1  # type: ignore[attr-defined]


def test_a_signal_handler_may_make_cached_calls() -> None:
    c, seen = Counted(), []

    def handler(*_: Any) -> None:
        seen.append((c.slow("inside"), c.slow("known")))

    c.slow("known")
    old = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert c.slow("body") == ["body"]
        time.sleep(0.02)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert seen == [(["inside"], ["known"])]


def test_an_object_that_goes_while_its_call_is_computed_takes_nothing_with_it() -> None:
    runs: List[Any] = []
    held: List[Any] = []

    class C(JSONCache):
        @Cached()
        def slow(self, x: int) -> List[int]:
            runs.append(x)
            time.sleep(0.3)
            return [x]

        @Cached()
        async def later(self, x: int) -> List[int]:
            runs.append(x)
            await asyncio.sleep(0.3)
            return [x]

        @Cached()
        def last(self) -> str:
            held.clear()  # nothing but this call holds the object now
            gc.collect()
            return "kept"

    results: List[Any] = []
    threads = [threading.Thread(target=lambda: results.append(C(data_id="gone").slow(1))) for _ in range(6)]
    for thread in threads:
        thread.start()
    gc.collect()
    for thread in threads:
        thread.join()
    assert results == [[1]] * 6

    async def main() -> None:
        calls = [C(data_id="gone").later(2) for _ in range(6)]
        gc.collect()
        assert await asyncio.gather(*calls) == [[2]] * 6
        dropped = asyncio.ensure_future(C(data_id="gone").later(3))
        await asyncio.sleep(0.01)
        dropped.cancel()
        await asyncio.sleep(0.01)
        assert await C(data_id="gone").later(3) == [3]

    asyncio.run(main())
    assert runs == [1, 2, 3, 3]
    held.append(C(data_id="gone"))
    assert held[0].last() == "kept"
    assert C(data_id="gone").json_cache_stats() == {"total_entries": 4, "functions": {"slow": 1, "later": 2, "last": 1}}
