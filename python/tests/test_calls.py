"""Calls: what is computed, what is remembered, for whom and how long."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import gc
import inspect
import json
import pickle
import threading
import time
import weakref
from datetime import timedelta
from typing import Any, Callable, List, Optional

import pytest
from cacherator import Cached, JSONCache


class Counter(JSONCache):
    """Counts how often its methods are computed."""

    def __init__(self, **options: Any) -> None:
        self._excluded_cache_vars = ["calls"]
        super().__init__(**options)
        self.calls: List[Any] = []

    @Cached()
    def double(self, x: Any) -> Any:
        self.calls.append(x)
        return x * 2

    @Cached()
    def get(self, a: Any, b: Any = 2, *more: Any, k: Any = None, **others: Any) -> Any:
        self.calls.append((a, b, more, k, others))
        return len(self.calls)

    @Cached(ttl=0.25)
    def short(self, x: Any) -> Any:
        self.calls.append(x)
        return x

    @Cached()
    async def later(self, x: Any) -> Any:
        self.calls.append(x)
        await asyncio.sleep(0.01)
        return x * 2

    @property
    @Cached()
    def answer(self) -> List[int]:
        self.calls.append("answer")
        return [42]


def test_a_second_call_is_not_computed() -> None:
    c = Counter()
    assert [c.double(4), c.double(4)] == [8, 8]
    assert c.calls == [4]


def test_a_hit_returns_the_object_kept_in_memory() -> None:
    c = Counter()
    assert c.double([1]) is c.double([1])
    assert c.answer is c.answer


def test_another_object_and_another_process_do_not_compute_again(run_program: Callable[..., str]) -> None:
    assert Counter(data_id="shared").double(4) == 8
    second = Counter(data_id="shared")
    assert second.double(4) == 8 and second.calls == []
    program = """
        from cacherator import JSONCache, Cached
        class C(JSONCache):
            @Cached()
            def double(self, x): raise AssertionError("computed again")
        c = C(data_id="shared")
        print(c.double(4), c.last_cache_status)
    """
    assert run_program(program) == "8 l1"


def test_spellings_of_one_call_are_one_call() -> None:
    c = Counter()
    assert {c.get(1), c.get(1, 2), c.get(1, b=2), c.get(a=1), c.get(b=2, a=1), c.get(1, k=None)} == {1}
    assert c.get(1, 2, 3) != c.get(1, 3, 2)
    assert c.get(1, z=1, y=2) == c.get(1, y=2, z=1)


@pytest.mark.parametrize(
    "a, b",
    [(1, 1.0), (1, True), (0, False), (0.0, -0.0), ("1", 1), (b"a", "a"), ((1,), [1]), ((1,), (True,)), ([1], [1.0]), ({1: 2}, {True: 2}),
     (None, "None"), ({1}, frozenset({1})), ("", None)],
)  # fmt: skip
def test_type_matters_at_every_depth(a: Any, b: Any) -> None:
    c = Counter()
    c.get(a)
    c.get(b)
    assert len(c.calls) == 2


def test_a_subclass_of_a_type_is_not_its_base() -> None:
    class MyInt(int):
        pass

    c = Counter()
    c.get(3)
    c.get(MyInt(3))
    assert len(c.calls) == 2


def test_sets_and_dicts_are_the_same_in_any_order() -> None:
    c = Counter()
    assert c.get({"a": 1, "b": 2}) == c.get({"b": 2, "a": 1})
    assert c.get({"x", "y", "z"}) == c.get({"z", "x", "y"})


def test_NaN_is_itself() -> None:
    c = Counter()
    assert c.get(float("nan")) == c.get(float("nan"))


def test_the_ttl_in_force_at_the_call_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    c = Counter(ttl=timedelta(days=1))
    c.double(1)
    c._json_cache_ttl = 0
    c.double(1)
    assert c.calls == [1, 1]
    c._json_cache_ttl = 30
    c.double(1)
    assert c.calls == [1, 1]


def test_a_ttl_of_nothing_or_less_never_hits() -> None:
    for ttl in (0, -1, timedelta(0)):
        c = Counter(ttl=ttl, data_id=f"ttl{ttl}")
        c.double(1)
        c.double(1)
        assert c.calls == [1, 1]


def test_a_short_ttl_ends() -> None:
    c = Counter(ttl=0.05 / 86400)
    c.double(1)
    time.sleep(0.08)
    c.double(1)
    assert c.calls == [1, 1]


def test_clear_cache_on_the_decorator_computes_once_in_each_process(run_program: Callable[..., str]) -> None:
    program = """
        from cacherator import JSONCache, Cached
        class C(JSONCache):
            n = 0
            @Cached(clear_cache=True)
            def f(self, x):
                C.n += 1
                return C.n
        print(C().f(1), C().f(1), C().f(2), C().f(1))
    """
    assert run_program(program) == "1 1 2 1"
    assert run_program(program) == "1 1 2 1"


def test_clear_cache_on_the_object_begins_empty() -> None:
    Counter().double(1)
    c = Counter(clear_cache=True)
    c.double(1)
    assert c.calls == [1]


def test_exceptions_pass_and_are_not_remembered() -> None:
    class C(JSONCache):
        n = 0

        @Cached()
        def fails(self) -> None:
            C.n += 1
            raise KeyError("no")

    c = C()
    for _ in range(2):
        with pytest.raises(KeyError):
            c.fails()
    assert C.n == 2


def test_a_wrong_call_says_what_the_function_says() -> None:
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'x'"):
        Counter().double()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'nope'"):
        Counter().double(1, nope=2)  # type: ignore[call-arg]


def test_the_status_tells_where_the_answer_came_from() -> None:
    c = Counter(data_id="status")
    assert c.last_cache_status is None and c.cache_status == {}
    c.double(1)
    assert c.last_cache_status == "miss"
    c.double(1)
    assert c.last_cache_status == "l1" and c.cache_status == {"double(1,){}": "l1"}
    assert Counter(data_id="status").cache_status == {"double(1,){}": "l1"}
    assert Counter(data_id="status").last_cache_status is None
    c.json_cache_clear()
    assert c.cache_status == {}


def test_clearing_one_function_or_one_call_leaves_the_others() -> None:
    c = Counter()
    c.double(1), c.double(2), c.get(1)
    c.json_cache_clear("double(1,){}")
    assert c.json_cache_stats() == {"total_entries": 2, "functions": {"double": 1, "get": 1}}
    c.json_cache_clear("double")
    assert c.json_cache_stats() == {"total_entries": 1, "functions": {"get": 1}}
    c.json_cache_clear("ge")
    assert c.json_cache_stats()["total_entries"] == 1
    c.double(1)
    assert c.calls == [1, 2, (1, 2, (), None, {}), 1]


@pytest.mark.parametrize("name", [None, "", "*"])
def test_everything_is_cleared_for_every_object_and_in_the_files(name: Optional[str]) -> None:
    c = Counter(data_id="x")
    c.double(1), c.get(1)
    c.json_cache_clear(name)
    assert c.json_cache_stats() == Counter(data_id="x").json_cache_stats() == {"total_entries": 0, "functions": {}} and c.cache_status == {}


def test_a_clear_is_seen_by_other_objects_at_once() -> None:
    a, b = Counter(data_id="x"), Counter(data_id="x")
    a.double(1), b.double(1)
    a.json_cache_clear("double")
    b.double(1)
    assert b.calls == [1]


def test_what_1_2_9_kept_in_attributes_is_there_to_look_at() -> None:
    c = Counter(data_id="look at_me")
    c.double(2)
    cache = c._json_cache_func_cache
    assert list(cache) == ["double(2,){}"] and cache["double(2,){}"]["value"] == 4
    assert json.loads(json.dumps(cache, default=str))["double(2,){}"]["value"] == 4
    assert c._json_cache_filename_with_path.endswith("data/cache/look-at-me.json")
    assert c._json_cache_data_id == "look at_me" and str(c) == repr(c) == "look at_me"
    assert c._json_cache_logging is True and c._dynamodb_enabled is False and c._save_on_del is False


def test_eight_threads_compute_once() -> None:
    class C(JSONCache):
        n = 0

        @Cached()
        def slow(self, x: int) -> int:
            C.n += 1
            time.sleep(0.1)
            return x

    c, results = C(), []
    threads = [threading.Thread(target=lambda: results.append(c.slow(7))) for _ in range(8)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert results == [7] * 8 and C.n == 1


def test_those_who_wait_get_the_leaders_exception() -> None:
    class C(JSONCache):
        n = 0

        @Cached()
        def fails(self) -> None:
            C.n += 1
            time.sleep(0.1)
            raise ValueError("once")

    c, errors = C(), []

    def call() -> None:
        try:
            c.fails()
        except ValueError as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert len(errors) == 4 and C.n == 1 and len({id(e) for e in errors}) == 1


def test_recursion_is_computed_not_waited_for() -> None:
    class C(JSONCache):
        @Cached()
        def fib(self, n: int) -> int:
            return n if n < 2 else self.fib(n - 1) + self.fib(n - 2)

    assert C().fib(60) == 1548008755920


def test_async_calls_are_remembered_and_tasks_share_one_computation() -> None:
    async def main() -> None:
        c = Counter()
        assert await asyncio.gather(*(c.later(3) for _ in range(50))) == [6] * 50
        assert c.calls == [3]
        assert await c.later(3) == 6 and c.last_cache_status == "l1"
        assert await asyncio.create_task(c.later(3)) == 6
        assert await asyncio.wait_for(c.later(3), 1) == 6

    asyncio.run(main())


def test_a_cancelled_leader_hands_over() -> None:
    async def main() -> None:
        c = Counter()
        first = asyncio.create_task(c.later(5))
        await asyncio.sleep(0)
        second = asyncio.create_task(c.later(5))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 10
        assert c.calls == [5, 5]

    asyncio.run(main())


def test_a_cancelled_waiter_harms_nobody() -> None:
    async def main() -> None:
        c = Counter()
        first = asyncio.create_task(c.later(5))
        await asyncio.sleep(0)
        second = asyncio.create_task(c.later(5))
        await asyncio.sleep(0)
        second.cancel()
        assert await first == 10

    asyncio.run(main())


def test_an_async_hit_is_a_coroutine_to_those_who_look() -> None:
    async def main() -> None:
        c = Counter()
        await c.later(1)
        hit = c.later(1)
        assert inspect.isawaitable(hit) and asyncio.iscoroutine(hit)
        assert await hit == 2
        with pytest.raises(RuntimeError, match="already awaited"):
            await hit

    asyncio.run(main())
    assert inspect.iscoroutinefunction(Counter.later) and inspect.iscoroutinefunction(Counter().later)


@pytest.mark.parametrize("value", [(1, 2), ValueError("v"), StopIteration(3)])
def test_tuples_and_exceptions_are_async_values_like_any_other(value: Any) -> None:
    class C(JSONCache):
        @Cached()
        async def f(self) -> Any:
            return value

    async def main() -> None:
        c = C()
        await c.f()
        assert await c.f() is value
        assert await asyncio.create_task(c.f()) is value

    asyncio.run(main())


def test_an_async_hit_that_is_never_awaited_warns() -> None:
    c = Counter()
    asyncio.run(c.later(1))
    with pytest.warns(RuntimeWarning, match="was never awaited"):
        c.later(1)
        gc.collect()


def test_it_warns_too_where_the_collector_has_ended_others() -> None:
    c = Counter()
    asyncio.run(c.later(1))
    for _ in range(20):
        circle: List[Any] = [c.later(1)]
        asyncio.run(circle[0])
        circle.append(circle)
        del circle
        gc.collect()  # what it ends serves for later calls
    for _ in range(20):
        with pytest.warns(RuntimeWarning, match="was never awaited"):
            c.later(1)


def test_a_method_that_overrides_keeps_apart_from_its_base() -> None:
    class Base(JSONCache):
        @Cached()
        def f(self, x: int) -> int:
            return x

    class Derived(Base):
        @Cached()
        def f(self, x: int) -> int:
            return super().f(x) + 100

    d = Derived()
    assert [d.f(1), d.f(1)] == [101, 101]
    assert sorted(d.cache_status) == ["Base.f(1,){}", "f(1,){}"]
    again = Derived()
    assert again.f(1) == 101 and Base.f(again, 1) == 1


def test_functions_class_methods_and_static_methods_are_remembered_too() -> None:
    calls = []

    @Cached
    def plain(x: int) -> int:
        calls.append(("plain", x))
        return x

    class C(JSONCache):
        @classmethod
        @Cached()
        def above(cls, x: int) -> Any:
            calls.append(("above", x))
            return [cls.__name__, x]

        @Cached()
        @classmethod
        def below(cls, x: int) -> Any:
            calls.append(("below", x))
            return [cls.__name__, x]

        @staticmethod
        @Cached()
        def static(x: int) -> int:
            calls.append(("static", x))
            return x

    class D(C):
        pass

    for _ in range(2):
        assert plain(1) == 1 and C.above(1) == ["C", 1] and C.below(1) == ["C", 1] and C().static(1) == 1
        assert D.above(1) == ["D", 1]
    assert calls == [("plain", 1), ("above", 1), ("below", 1), ("static", 1), ("above", 1)]


def test_a_class_that_is_no_JSONCache_remembers_in_each_object() -> None:
    class Plain:
        n = 0

        @Cached()
        def f(self, x: int) -> int:
            Plain.n += 1
            return x

    a, b = Plain(), Plain()
    assert [a.f(1), a.f(1), b.f(1)] == [1, 1, 1] and Plain.n == 2


def test_a_key_function_names_the_call() -> None:
    class C(JSONCache):
        n = 0

        @Cached(key=lambda user: user["id"])
        def f(self, user: Any) -> int:
            C.n += 1
            return C.n

    c = C()
    assert c.f({"id": 1, "seen": 1}) == c.f({"id": 1, "seen": 2}) == 1
    assert c.f({"id": 2}) == 2


def test_what_only_an_address_names_is_remembered_while_it_lives(caplog: pytest.LogCaptureFixture) -> None:
    class Session:
        pass

    c = Counter(data_id="anonymous")
    session = Session()
    assert c.get(session) == c.get(session) == 1
    assert c.get(Session()) == 2
    assert "Session" in caplog.text and "__cache_key__" in caplog.text
    assert Counter(data_id="anonymous").json_cache_stats()["total_entries"] == 0


def test_a_cache_key_names_an_object() -> None:
    class User:
        def __init__(self, id: int) -> None:
            self.id = id

        def __cache_key__(self) -> int:
            return self.id

    c = Counter()
    assert c.get(User(1)) == c.get(User(1)) == 1
    assert c.get(User(2)) == 2


def test_a_result_that_cannot_be_written_is_kept_in_memory_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    class C(JSONCache):
        @Cached()
        def rows(self, n: int) -> Any:
            return {"rows": [1, object()]}

    c = C()
    assert c.rows(1) is c.rows(1)
    c.rows(2)
    assert caplog.text.count("result['rows'][1]") == 1


def test_objects_are_collected_with_their_last_reference() -> None:
    c = Counter()
    c.double(1)
    ref = weakref.ref(c)
    del c
    assert ref() is None


def test_copies_and_pickles_have_memories_of_their_own() -> None:
    c = Counter(data_id="copies")
    c.double(1)
    for other in (copy.copy(c), copy.deepcopy(c)):
        assert other.double(1) == 2 and other.double(2) == 4
    assert Counter.__dict__["double"].__reduce__() == "Counter.double"


def test_dataclasses_exceptions_and_dicts_go_with_it() -> None:
    @dataclasses.dataclass(frozen=True)
    class Frozen(JSONCache):
        x: int = 1

        @Cached()
        def f(self, a: int) -> Any:
            return [self.x + a]

    class Error(JSONCache, Exception):
        @Cached()
        def f(self, a: int) -> Any:
            return [a]

    class Dict(JSONCache, dict):  # type: ignore[type-arg]
        @Cached()
        def f(self, a: int) -> Any:
            return [a]

    for thing in (Frozen(), Error("x"), Dict()):
        assert thing.f(1) is thing.f(1)


def test_a_decorated_method_is_a_function_to_inspect() -> None:
    assert str(inspect.signature(Counter.double)) == "(self, x: 'Any') -> 'Any'"
    assert inspect.isfunction(Counter.double) and inspect.ismethod(Counter().double)
    assert Counter.double.__name__ == "double" and Counter.double.__qualname__ == "Counter.double"
    assert pickle.loads(pickle.dumps(Counter.double)) is Counter.__dict__["double"]


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"ttl": float("nan")}, ValueError, "ttl is NaN"),
        ({"ttl": "week"}, TypeError, "ttl='week'"),
        ({"data_id": "a\0b"}, ValueError, "NUL"),
        ({"data_id": object()}, TypeError, "data_id="),
        ({"durability": "eternal"}, ValueError, "durability='eternal'"),
        ({"hits": "fast"}, ValueError, "hits='fast'"),
    ],
)
def test_a_bad_option_is_told_at_once(options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        Counter(**options)


def test_a_directory_that_is_a_file_is_told_at_once(own_folder: Any) -> None:
    (own_folder / "file").write_text("x")
    with pytest.raises(ValueError, match="is a file, not a folder"):
        Counter(directory="file")


def test_a_property_under_the_decorator_is_told_the_right_order() -> None:
    with pytest.raises(TypeError, match="below @property"):

        class Wrong(JSONCache):
            @Cached()
            @property
            def p(self) -> int:
                return 1


def test_import_is_light(run_program: Callable[..., str]) -> None:
    program = """
        import sys
        before = set(sys.modules)
        import cacherator
        new = set(sys.modules) - before
        print(sorted(new & {"asyncio", "json", "dataclasses", "boto3", "logging", "inspect", "decimal", "uuid", "pathlib"}))
    """
    assert run_program(program) == "[]"
