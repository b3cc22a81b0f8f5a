"""Any way to look at a cached method."""

from __future__ import annotations

import asyncio
import doctest
import functools
import gc
import inspect
import pydoc
from typing import Any, List
from unittest import mock

import pytest
from cacherator import Cached, JSONCache
from shared import Point


def test_a_cached_method_shows_what_a_plain_one_shows() -> None:
    class Shown:
        def f(self, x: int, *, y: str = "a") -> List[int]:
            """Doc of f."""
            return [x]

        async def g(self) -> None: ...

    class Cache(JSONCache):
        f = Cached()(Shown.f)
        g = Cached()(Shown.g)

    c = Cache()
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__defaults__", "__kwdefaults__", "__code__"):
        assert getattr(Cache.f, name) == getattr(Shown.f, name), name
    assert inspect.signature(Cache.f) == inspect.signature(Shown.f) and inspect.signature(c.f) == inspect.signature(Shown().f)
    assert inspect.getdoc(Cache.f) == "Doc of f." and inspect.getsource(Cache.f) == inspect.getsource(Shown.f)
    assert inspect.unwrap(Cache.f) is Shown.f
    for ask in (
        inspect.isfunction,
        inspect.isroutine,
        inspect.iscoroutinefunction,
        asyncio.iscoroutinefunction,
        callable,
        inspect.isgeneratorfunction,
    ):
        for mine, theirs in ((Cache.f, Shown.f), (Cache.g, Shown.g), (c.f, Shown().f), (c.g, Shown().g)):
            assert ask(mine) == ask(theirs), (ask, mine)
    assert inspect.ismethod(c.f) and c.f == c.f and c.f.__self__ is c and c.f.__func__ is Cache.__dict__["f"]
    assert "f(self, x: " in pydoc.render_doc(Cache) and "Doc of f." in pydoc.render_doc(Cache)


def test_doctest_finds_and_runs_the_examples_of_a_cached_method() -> None:
    tests = [t for t in doctest.DocTestFinder().find(Point, "Point") if t.examples]
    assert [t.name for t in tests] == ["Point.f"]
    assert doctest.DocTestRunner().run(tests[0]).attempted == 1


def test_functools_wraps_and_attributes_take() -> None:
    @functools.wraps(Point.f)
    def wrapper(*args: Any) -> Any:
        return Point.f(*args)

    assert wrapper.__name__ == "f" and inspect.signature(wrapper) == inspect.signature(Point.f)

    @Cached()
    def marked() -> None: ...

    marked.mark = 1  # type: ignore[attr-defined]
    marked.__doc__ = "new"
    assert (marked.mark, marked.__doc__) == (1, "new")  # type: ignore[attr-defined]


def test_mock_replaces_a_cached_method_and_puts_it_back() -> None:
    p = Point("mocked")
    with mock.patch.object(Point, "f", return_value=9):
        assert p.f(1) == 9
    with mock.patch.object(p, "f", return_value=8):
        assert p.f(1) == 8
    with mock.patch.object(Point, "f", autospec=True, return_value=7) as f:
        assert p.f(1) == 7 and f.call_args == mock.call(p, 1)
        with pytest.raises(TypeError):
            p.f(1, 2, 3)  # type: ignore[call-arg]
    with mock.patch.object(Point, "later") as later:
        assert isinstance(later, mock.AsyncMock)
    assert p.f(1) == [1] and p.json_cache_stats()["total_entries"] == 1


def test_a_fastapi_dependency_is_a_cached_method() -> None:
    fastapi = pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    app, p = fastapi.FastAPI(), Point("api")
    app.get("/{x}")(p.later)

    @app.get("/depends/{x}")
    def depends(found: Any = fastapi.Depends(p.f)) -> Any:
        return found

    client = testclient.TestClient(app)
    assert client.get("/3").json() == [3] == client.get("/3").json() and client.get("/depends/4").json() == [4]
    assert client.get("/x").status_code == 422


def test_a_property_and_a_cached_property_stand_above_it() -> None:
    class C(JSONCache):
        n = 0

        @property
        @Cached()
        def p(self) -> int:
            """Doc of p."""
            C.n += 1
            return C.n

        @p.setter
        def p(self, value: int) -> None:
            self.given = value

        @functools.cached_property
        @Cached()
        def cp(self) -> int:
            C.n += 1
            return C.n

    c = C()
    assert (c.p, c.p, c.cp, c.cp) == (1, 1, 2, 2) and C.p.__doc__ == "Doc of p."
    c.p = 5
    assert c.given == 5
    d = C()
    assert (d.p, d.cp) == (1, 2) and set(d.cache_status) == {"p(){}", "cp(){}"}


@pytest.mark.parametrize("thing", [int, len, 5, "text", None.__class__, functools.partial(print)], ids=repr)
def test_what_is_no_function_is_told_when_it_is_decorated(thing: Any) -> None:
    with pytest.raises(TypeError):
        Cached()(thing)


def test_a_generator_is_told_when_it_is_decorated() -> None:
    with pytest.raises(TypeError, match="return a list"):

        @Cached()
        def numbers() -> Any:
            yield 1

    with pytest.raises(TypeError, match="return a list"):

        @Cached()
        async def more() -> Any:
            yield 1

class Nameless:
    pass


class OfItself:
    """Its key is made anew each time, and has no text of its own."""

    def __cache_key__(self) -> object:
        return (1, Nameless())


@pytest.mark.parametrize(
    "key", [lambda x: Nameless(), lambda x: (Nameless(), 1), lambda x: [Nameless()], lambda x: lambda: 1, lambda x: {"a": Nameless()}, lambda x: x.method]
)
def test_a_key_that_lives_no_longer_than_the_call_is_no_key(key: Any) -> None:
    class Thing:
        def method(self) -> None: ...

    @Cached(key=key)
    def f(x: Any) -> int:
        return 1

    for _ in range(20):
        assert f(Thing()) == 1
        gc.collect()


def test_an_argument_whose_key_is_made_anew_each_time_is_computed_each_time() -> None:
    class C(JSONCache):
        runs = 0

        @Cached()
        def f(self, *x: Any) -> int:
            C.runs += 1
            return 1

    c = C(data_id="anew")
    for _ in range(20):
        c.f(OfItself())
        gc.collect()
    assert C.runs == 20
