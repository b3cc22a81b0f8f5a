"""Many threads at once."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Callable, List

import pytest
from cacherator import Cached, JSONCache
from shared import Counted, run, together


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
