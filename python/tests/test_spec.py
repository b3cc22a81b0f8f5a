"""The specification, sentence by sentence, where no other test says it: its examples, and bad input, which it does not speak of."""

from __future__ import annotations

import array
import asyncio
import collections
import datetime as dt
import inspect
import json
import logging
import math
import os
import statistics
import subprocess
import sys
import textwrap
import threading
import time
import types
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from cacherator import Cached, JSONCache

FOLDER = Path("data/cache")


class DataProcessor(JSONCache):
    """Of the specification, "Cache Management"."""

    def __init__(self, data_id: Any = None, **options: Any) -> None:
        self._excluded_cache_vars = ["temp_data", "api_key"]
        super().__init__(data_id=data_id, **options)
        self.results: Dict[str, Any] = {}
        self.temp_data: List[Any] = []
        self.api_key = "secret"

    @Cached()
    def process(self, x: Any) -> Any:
        return [x]

    @Cached()
    def analyze(self, x: Any) -> Any:
        return {"x": x}


class Numbers(JSONCache):
    """Counts: each computation gives another number."""

    n = 0

    @Cached()
    def func(self, *args: Any, **keywords: Any) -> int:
        Numbers.n += 1
        return Numbers.n

    @Cached()
    async def later(self, x: Any) -> int:
        Numbers.n += 1
        return Numbers.n

    @Cached()
    def echo(self, x: Any) -> Any:
        return x


# ---- Quick Start


def test_the_calculator_computes_once_and_again_not_after_a_restart(run_program: Callable[..., str]) -> None:
    program = """
        import time
        from cacherator import JSONCache, Cached
        class Calculator(JSONCache):
            def __init__(self):
                super().__init__(data_id="calc")
            @Cached()
            def expensive_calculation(self, x, y):
                time.sleep(0.3)
                return x ** y
        calc = Calculator()
        took = []
        for _ in range(2):
            began = time.perf_counter()
            result = calc.expensive_calculation(2, 10)
            took.append("slow" if time.perf_counter() - began >= 0.3 else "instant")
        print(result, *took)
    """
    assert run_program(program) == "1024 slow instant"
    assert run_program(program) == "1024 instant instant"


def test_the_async_client_calls_its_API_once_and_not_after_a_restart(run_program: Callable[..., str]) -> None:
    program = """
        import asyncio
        from cacherator import JSONCache, Cached
        calls = []
        class APIClient(JSONCache):
            @Cached(ttl=1)
            async def fetch_user(self, user_id):
                calls.append(user_id)
                await asyncio.sleep(0)
                return {"id": user_id, "name": "Ada"}
        async def main():
            client = APIClient()
            return await client.fetch_user(123) == await client.fetch_user(123) == {"id": 123, "name": "Ada"}
        print(asyncio.run(main()), calls)
    """
    assert run_program(program) == "True [123]"
    assert run_program(program) == "True []"
    assert (Path.cwd() / FOLDER / "apiclient.json").exists(), "the data_id is the class's name"


def test_the_game_keeps_its_state(run_program: Callable[..., str]) -> None:
    program = """
        from cacherator import JSONCache
        class GameState(JSONCache):
            def __init__(self, game_id):
                super().__init__(data_id=f"game_{game_id}")
                if not hasattr(self, "score"):
                    self.score = 0
                    self.level = 1
            def add_points(self, points):
                self.score += points
                self.json_cache_save()
        game = GameState("player1")
        game.add_points(100)
        print(game.score, game.level)
    """
    assert [run_program(program), run_program(program)] == ["100 1", "200 1"]


# ---- Custom TTL, Configuration


def test_the_ttl_of_the_decorator_goes_before_that_of_the_object() -> None:
    class Weather(JSONCache):
        n = 0

        @Cached(ttl=0.25)
        def long(self, city: str) -> int:
            Weather.n += 1
            return Weather.n

        @Cached()
        def of_class(self, city: str) -> int:
            Weather.n += 1
            return Weather.n

        @Cached(ttl=0)
        def never(self, city: str) -> int:
            Weather.n += 1
            return Weather.n

    short = Weather(ttl=0)
    assert short.long("x") == short.long("x")
    assert short.of_class("x") != short.of_class("x")
    long = Weather(ttl=30)
    assert long.never("x") != long.never("x")
    assert long.of_class("x") == long.of_class("x")


def test_a_raised_ttl_makes_an_outdated_result_count_again() -> None:
    first = Numbers(data_id="raised", ttl=0.02 / 86400)
    computed = first.func(1)
    time.sleep(0.03)
    assert Numbers(data_id="raised", ttl=30).func(1) == computed
    assert Numbers(data_id="raised", ttl=0.02 / 86400).func(1) != computed


def test_the_constructor_and_the_decorator_have_the_parameters_of_the_specification() -> None:
    parameters = {name: p.default for name, p in inspect.signature(JSONCache).parameters.items()}
    expected = {"data_id": None, "directory": "data/cache", "clear_cache": False, "ttl": 999, "logging": True, "dynamodb_table": None,
                "save_on_del": False}  # fmt: skip
    assert list(expected.items()) == list(parameters.items())[: len(expected)]
    decorator = {name: p.default for name, p in inspect.signature(Cached).parameters.items()}
    assert (decorator["ttl"], decorator["clear_cache"]) == (None, False)
    given = JSONCache("unique_id", "cache", False, 999, True, None, False)
    given.json_cache_save()
    assert given._json_cache_filename_with_path == str(Path.cwd() / "cache" / "unique-id.json")


# ---- Excluding, Management, Status


def test_excluded_variables_stay_the_programs_own() -> None:
    processor = DataProcessor()
    processor.results["a"] = 1
    processor.temp_data.append("t")
    processor.json_cache_save()
    document = json.loads((FOLDER / "dataprocessor.json").read_text())
    assert document["_json_cache_variable_cache"] == {"results": {"a": 1}}
    raw = JSONCache(data_id="DataProcessor")
    assert raw.results == {"a": 1} and not hasattr(raw, "api_key")  # type: ignore[attr-defined]


def test_a_variable_excluded_later_is_not_saved_from_then_on() -> None:
    c = JSONCache(data_id="later")
    c.problematic_attr, c.fine = 1, 2  # type: ignore[attr-defined]
    c._excluded_cache_vars = ["problematic_attr"]  # type: ignore[attr-defined]
    c.json_cache_save()
    again = JSONCache(data_id="later")
    assert not hasattr(again, "problematic_attr") and again.fine == 2  # type: ignore[attr-defined]


def test_excluded_variables_may_stand_in_any_collection_and_a_text_is_one_name(own_folder: Path) -> None:
    for excluded in (["api"], ("api",), {"api"}, {"api": 1}, "api"):

        class C(JSONCache):
            def __init__(self) -> None:
                self._excluded_cache_vars = excluded  # type: ignore[assignment]
                super().__init__(data_id=type(excluded).__name__)
                self.api, self.a = "secret", 1

        C().json_cache_save()
        assert json.loads((own_folder / f"data/cache/{type(excluded).__name__}.json").read_text())["_json_cache_variable_cache"] == {"a": 1}


@pytest.mark.parametrize("excluded", [None, 5])
def test_excluded_variables_that_are_no_list_are_told_at_once(excluded: Any) -> None:
    class C(JSONCache):
        def __init__(self) -> None:
            self._excluded_cache_vars = excluded
            super().__init__()

    with pytest.raises(TypeError, match=f"_excluded_cache_vars={excluded} is no list of names"):
        C()


def test_statistics_have_the_shape_of_the_specification() -> None:
    processor = DataProcessor()
    assert processor.json_cache_stats() == {"total_entries": 0, "functions": {}}
    for i in range(3):
        processor.process(i)
    for i in range(2):
        processor.analyze(i)
    assert processor.json_cache_stats() == {"total_entries": 5, "functions": {"process": 3, "analyze": 2}}
    assert DataProcessor().json_cache_stats() == processor.json_cache_stats()


def test_a_cleared_function_stays_cleared_after_a_restart_and_the_others_stay() -> None:
    processor = DataProcessor()
    processor.process(1), processor.analyze(1)
    processor.json_cache_clear("process")
    assert DataProcessor().json_cache_stats() == {"total_entries": 1, "functions": {"analyze": 1}}
    processor.json_cache_clear()
    assert DataProcessor().json_cache_stats() == {"total_entries": 0, "functions": {}}


def test_a_clear_leaves_the_state() -> None:
    c = DataProcessor()
    c.results["kept"] = 1
    c.json_cache_save()
    c.json_cache_clear()
    assert JSONCache(data_id="DataProcessor").results == {"kept": 1}  # type: ignore[attr-defined]


def test_the_status_example_of_the_specification() -> None:
    class DataService(JSONCache):
        def __init__(self) -> None:
            super().__init__(data_id="my-service", ttl=7)

        @Cached(ttl=7)
        def fetch(self, key: str) -> str:
            return key

    svc = DataService()
    assert svc.last_cache_status is None
    svc.fetch("foo")
    assert svc.last_cache_status == "miss" and svc.cache_status == {"fetch('foo',){}": "miss"}
    svc.fetch("foo")
    assert svc.last_cache_status == "l1" and svc.cache_status == {"fetch('foo',){}": "l1"}
    assert type(svc.cache_status) is dict
    second = DataService()
    assert second.cache_status == {"fetch('foo',){}": "l1"} and second.last_cache_status is None
    second.fetch("foo")
    assert second.last_cache_status == "l1"
    second.json_cache_clear()
    assert second.cache_status == {}


def test_an_async_call_tells_its_status_too() -> None:
    c, seen = Numbers(), []

    async def main() -> None:
        for _ in range(2):
            await c.later(1)
            seen.append(c.last_cache_status)

    asyncio.run(main())
    assert seen == ["miss", "l1"] and c.cache_status == {"later(1,){}": "l1"}


def test_a_call_that_fails_has_no_status_of_its_own() -> None:
    class C(JSONCache):
        @Cached()
        def fails(self) -> None:
            raise ValueError

    c = C()
    with pytest.raises(ValueError):
        c.fails()
    assert c.last_cache_status is None and c.cache_status == {} and c.json_cache_stats()["total_entries"] == 0


# ---- Logging


def test_local_operations_are_silent(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    c = DataProcessor()
    c.process(1), c.process(1)
    c.json_cache_clear("process")
    c.json_cache_save()
    assert DataProcessor().json_cache_stats()["total_entries"] == 0
    assert caplog.text == "" and capfd.readouterr() == ("", "")


def test_logging_is_switched_for_all_and_for_one(caplog: pytest.LogCaptureFixture) -> None:
    def warned(data_id: str, **options: Any) -> bool:
        caplog.clear()
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{data_id}.json").write_text("garbage")
        DataProcessor(data_id=data_id, **options).process(1)
        return caplog.text != ""

    try:
        assert warned("a")
        JSONCache.set_logging(False)
        assert not warned("b") and not warned("c", logging=True)
        JSONCache.set_logging(True)
        assert warned("d") and not warned("e", logging=False)
    finally:
        JSONCache.set_logging(True)


# ---- Performance, Compatibility, Changelog, Troubleshooting


def test_a_hit_takes_less_than_a_tenth_of_a_millisecond_and_a_miss_less_than_one_more() -> None:
    c = Numbers(data_id="fast")

    def median(call: Callable[[int], Any]) -> float:
        took = []
        for i in range(201):
            began = time.perf_counter()
            call(i)
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    c.echo("known")
    assert median(lambda i: c.echo("known")) < 0.0001
    assert median(lambda i: c.echo(i)) < 0.001


def test_datetime_objects_come_back_as_datetime_objects() -> None:
    moment = dt.datetime(2026, 2, 22, 16, 6, 18, 5)
    first = Numbers(data_id="dates")
    first.echo(moment)
    first.moment = moment  # type: ignore[attr-defined]
    first.json_cache_save()
    second = Numbers(data_id="dates")
    assert second.echo(moment) == moment == second.moment and second.last_cache_status == "l1"  # type: ignore[attr-defined]


def test_an_int_and_a_float_are_different_arguments() -> None:
    c = Numbers()
    assert c.func(1, 2) != c.func(1.0, 2)


def test_every_explicit_save_is_made() -> None:
    c = DataProcessor()
    c.process(1)
    for _ in range(2):
        c.json_cache_save()
        assert "process(1,){}" in json.loads((FOLDER / "dataprocessor.json").read_text())["_json_cache_func_cache"]
        for file in FOLDER.glob("dataprocessor*"):
            file.unlink()
        c = DataProcessor()
        c.process(1)
    c.json_cache_save()
    assert (FOLDER / "dataprocessor.json").exists()


def test_json_cache_save_db_is_deprecated_and_saves() -> None:
    c = JSONCache(data_id="db")
    c.x = 1  # type: ignore[attr-defined]
    with pytest.warns(DeprecationWarning, match="json_cache_save"):
        c.json_cache_save_db()
    assert JSONCache(data_id="db").x == 1  # type: ignore[attr-defined]
    assert c.json_cache_list_db_keys() == {"keys": [], "last_key": None}


def test_separate_instances_are_separate_caches() -> None:
    one, two = DataProcessor(data_id="dataset1"), DataProcessor(data_id="dataset2")
    one.process(1)
    assert two.json_cache_stats()["total_entries"] == 0
    assert {p.name for p in FOLDER.glob("*.journal")} >= {"dataset1.journal"}


# ---- Bad input: what is given instead of a data_id, a directory, a ttl


def test_an_empty_data_id_is_the_name_of_the_class() -> None:
    assert str(Numbers(data_id="")) == str(Numbers(data_id=None)) == "Numbers"


@pytest.mark.parametrize("data_id", [".", " ", "\n", "-", "\U0001f4a5", "\u00df", "CON", "%s{}", "x" * 179, "x" * 180, "\u4e2d" * 200])
def test_each_odd_data_id_has_a_cache_of_its_own(data_id: str) -> None:
    Numbers(data_id="other").func("other")
    c = Numbers(data_id=data_id)
    value = c.func(data_id)
    c.json_cache_save()
    again = Numbers(data_id=data_id)
    assert again.func(data_id) == value and again.json_cache_stats()["total_entries"] == 1


@pytest.mark.parametrize("data_id", [b"a\0b", True, [], object(), ("a",)])
def test_a_data_id_that_is_no_name_is_told_at_once(data_id: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="data_id"):
        Numbers(data_id=data_id)


@pytest.mark.parametrize("ttl", [math.inf, 1e300, 10**18, 106_752, dt.timedelta.max, dt.timedelta(days=200_000)])
def test_a_huge_ttl_is_for_ever(ttl: Any) -> None:
    c = Numbers(data_id="huge", ttl=ttl)
    value = c.func(1)
    assert c.func(1) == value
    c.json_cache_save()
    again = Numbers(data_id="huge", ttl=ttl)
    assert again.func(1) == value and again.last_cache_status == "l1"


def test_a_ttl_too_large_for_a_float_is_for_ever() -> None:
    c = Numbers(ttl=10**400)
    assert c.func(1) == c.func(1)


@pytest.mark.parametrize("ttl", [-math.inf, -1e300, dt.timedelta.min])
def test_a_ttl_far_below_zero_never_hits(ttl: Any) -> None:
    c = Numbers(ttl=ttl)
    assert c.func(1) != c.func(1)


@pytest.mark.parametrize("ttl", ["7", b"7", [7], object(), math.nan])
def test_a_ttl_that_is_none_is_told_at_once_by_both(ttl: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="ttl"):
        Numbers(ttl=ttl)
    with pytest.raises((TypeError, ValueError), match="ttl"):
        Cached(ttl=ttl)
    c = Numbers()
    with pytest.raises((TypeError, ValueError), match="ttl"):
        c._json_cache_ttl = ttl
    assert c._json_cache_ttl == 999


@pytest.mark.parametrize("directory", ["a/b/c", "trailing/", Path("path"), b"bytes", ".", "./x//y/."])
def test_a_directory_is_made_where_it_is_missing(directory: Any) -> None:
    c = Numbers(data_id="made", directory=directory)
    c.json_cache_save()
    value = c.func(1)
    assert Path(os.fsdecode(directory), "made.journal").exists()
    assert Numbers(data_id="made", directory=directory).func(1) == value


def test_a_relative_directory_stays_where_it_was_when_the_program_moves(tmp_path: Path) -> None:
    c = Numbers(data_id="stays")
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    c.func(1)
    c.json_cache_save()
    assert (tmp_path / FOLDER / "stays.json").exists() and not Path("data").exists()


def run(source: str, folder: Path, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    prologue = """
import os, sys
from pathlib import Path
from cacherator import JSONCache, Cached
class C(JSONCache):
    @Cached()
    def f(self, x): return [x]
"""
    return subprocess.run(
        [sys.executable, "-c", prologue + textwrap.dedent(source)], cwd=folder, capture_output=True, text=True, timeout=timeout
    )


UNREACHABLE = {
    "its name is too long": "directory = 'x' * 300",
    "its path is too long": "directory = 'y/' * 2100 + 'z'",
    "a link leads to itself": "os.symlink('loop', 'loop'); directory = 'loop'",
    "a folder above it may not be searched": """
        import cacherator._values, logging
        os.mkdir('closed'); os.mkdir('closed/inside')
        directory = os.path.abspath('closed/inside')
        os.chmod('closed', 0)
        if os.geteuid() == 0: os.setuid(65534)
        """,
}


@pytest.mark.parametrize("why", UNREACHABLE)
def test_a_directory_that_cannot_be_reached_keeps_results_in_memory(why: str, tmp_path: Path) -> None:
    try:
        done = run(textwrap.dedent(UNREACHABLE[why]) + "\nc = C(directory=directory)\nprint(c.f(1) is c.f(1))", tmp_path)
    finally:
        if (tmp_path / "closed").exists():
            (tmp_path / "closed").chmod(0o700)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr[-300:]


@pytest.mark.parametrize("where", ["directory=os.fsdecode(b'\\xff')", ""])
def test_a_folder_whose_name_is_not_UTF_8_works(where: str, tmp_path: Path) -> None:
    done = run(f"os.mkdir(b'\\xff'); os.chdir(b'\\xff')\nprint(C({where}).f(1))", tmp_path)
    assert done.stdout == "[1]\n", done.stderr[-300:]


def test_a_working_directory_that_is_gone_keeps_results_in_memory(tmp_path: Path) -> None:
    done = run("os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\nc = C()\nprint(c.f(1) is c.f(1))", tmp_path)
    assert done.stdout == "True\n", done.stderr[-300:]


def test_a_full_disk_stops_no_call_and_what_was_kept_is_written_later(tmp_path: Path) -> None:
    done = run(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        c = C(data_id="full")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        print(all(c.f("z" * 300 + str(i)) == ["z" * 300 + str(i)] for i in range(20)), c.json_cache_stats()["total_entries"])
        c.json_cache_save()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        c.f("after")
        c.json_cache_save()
        """,
        tmp_path,
    )
    assert done.stdout == "True 20\n" and done.stderr.count("File too large") >= 1
    os.chdir(tmp_path)
    assert JSONCache(data_id="full").json_cache_stats()["total_entries"] == 21


def test_no_descriptor_left_stops_no_call_and_loses_nothing(tmp_path: Path) -> None:
    done = run(
        """
        import resource, logging
        c = C(data_id="none left")
        c.f(1)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        c.f(2), C(data_id="another", logging=False).f(2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        c.f(3)
        print(C(data_id="none left").json_cache_stats()["total_entries"])
        """,
        tmp_path,
    )
    assert done.stdout == "3\n", done.stderr[-300:]


def test_a_folder_that_becomes_a_file_stops_no_call(own_folder: Path) -> None:
    c = Numbers(data_id="gone", directory="d", logging=False)
    value = c.func(1)
    for file in Path("d").iterdir():
        file.unlink()
    Path("d").rmdir()
    Path("d").write_text("a file")
    time.sleep(0.15)
    assert c.func(2) == c.func(2) != value
    c.json_cache_save()
    assert Path("d").read_text() == "a file"


# ---- Bad input: arguments


def nested(depth: int) -> Any:
    thing: Any = []
    for _ in range(depth):
        thing = [thing]
    return thing


ARGUMENTS = [
    {1}, {1: {2}}, [1, {2: [3]}], bytearray(b"x"), range(3), slice(1, 2), print, int, len, object, os, ..., NotImplemented,
    math.nan, math.inf, 1j, collections.OrderedDict(a=1), collections.Counter("aa"), collections.deque([1]), types.SimpleNamespace(a=1),
    array.array("i", [1]), collections.ChainMap({}), ValueError("x"), 10**5000, -(10**5000), [10**5000], nested(400), "\ud800", {"\ud800": 1},
    "\0", "x" * 100_000, dt.datetime.max, dt.timezone.utc, os.environ, Path("x"), threading.Lock(), lambda: 0,
]  # fmt: skip


@pytest.mark.parametrize("argument", ARGUMENTS, ids=[str(i) for i in range(len(ARGUMENTS))])
def test_a_call_with_any_argument_is_computed_once(argument: Any) -> None:
    c = Numbers(logging=False)
    assert c.func(argument) == c.func(argument)
    assert c.func(argument, k=argument) == c.func(argument, k=argument) != c.func(argument)
    c.json_cache_save()


def itself() -> Any:
    thing: Any = []
    thing.append(thing)
    return thing


@pytest.mark.parametrize("argument", [itself(), {"me": itself()}, nested(600)], ids=["itself", "in a dict", "deep"])
def test_a_call_whose_argument_has_no_text_is_computed_all_the_same(argument: Any) -> None:
    assert Numbers(logging=False).func(argument) > 0


def test_a_call_that_cannot_be_remembered_is_a_miss_each_time() -> None:
    class C(JSONCache):
        @Cached()
        def f(self, x: Any) -> int:
            return 1

        @Cached()
        async def later(self, x: Any) -> int:
            return 1

    c = C(logging=False)
    for _ in range(2):  # an object() is named by its address alone, and nothing tells when it goes
        c.f(1), c.f(1)
        assert c.last_cache_status == "l1"
        c.f(object())
        assert c.last_cache_status == "miss"
        c.f(1)
        asyncio.run(c.later(object()))
        assert c.last_cache_status == "miss"
    assert c.json_cache_info()["functions"] == {"f": {"l1": 5, "l2": 0, "misses": 3}, "later": {"l1": 0, "l2": 0, "misses": 2}}


@pytest.mark.parametrize("name", [1, 0, b"f", [], ["f"], object()], ids=lambda name: type(name).__name__)
def test_a_name_to_clear_that_is_no_text_is_told_and_clears_nothing(name: Any) -> None:
    n = Numbers()
    n.func(1)
    with pytest.raises(TypeError, match="json_cache_clear"):
        n.json_cache_clear(name)
    assert n.json_cache_stats()["total_entries"] == 1


def test_the_error_of_an_arguments_repr_reaches_the_caller() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise LookupError("of the repr")

    with pytest.raises(LookupError, match="of the repr"):
        Numbers().func(Bad())


def test_keywords_may_have_any_name() -> None:
    class K(JSONCache):
        @Cached()
        def f(self, /, **keywords: Any) -> Any:
            return keywords

        @Cached()
        async def later(self, /, **keywords: Any) -> Any:
            return keywords

    for keywords in ({"self": 1}, {"function": 1, "arguments": 2, "keywords": 3}, {"a b": 1, "": 2, "q'": 3}, {"\u00fc": 1}):
        k = K()
        assert k.f(**keywords) == asyncio.run(k.later(**keywords)) == keywords == K().f(**keywords)


def test_a_keyword_may_hold_a_lone_surrogate() -> None:
    c = Numbers()
    assert c.func(**{"\ud800": 1}) == c.func(**{"\ud800": 1})


def test_an_argument_that_the_function_changes_names_the_call_as_it_was() -> None:
    class M(JSONCache):
        @Cached()
        def push(self, items: List[int]) -> int:
            items.append(1)
            return len(items)

    m = M()
    items: List[int] = []
    assert [m.push(items), m.push(items), m.push([])] == [1, 2, 1]
    assert sorted(m.cache_status) == ["push([1],){}", "push([],){}"]


# ---- Bad input: values


@pytest.mark.parametrize("value", [object(), open, itself(), {object(): 1}, 10**6000, nested(600), nested(50_000), (i for i in ()), threading.Lock()],
                         ids=["object", "function", "itself", "key", "digits", "deep", "deepest", "generator", "lock"])  # fmt: skip
def test_a_result_that_cannot_be_written_harms_no_other(value: Any, caplog: pytest.LogCaptureFixture, request: Any) -> None:
    def odd_one(self: Any) -> Any:
        return value

    odd_one.__name__ = f"odd_{request.node.callspec.id}"  # for each name there is one warning: see below

    class V(JSONCache):
        odd = Cached()(odd_one)

        @Cached()
        def even(self) -> int:
            return 2

    v = V()
    v.even()
    assert v.odd() is v.odd() is value  # type: ignore[attr-defined]
    v.even()
    v.json_cache_save()
    assert caplog.text.count("kept in memory only: result") == 1
    assert V().cache_status == {"even(){}": "l1"}


@pytest.mark.parametrize("first_logging", [True, False])
def test_each_class_is_told_of_results_that_cannot_be_written(first_logging: bool, caplog: pytest.LogCaptureFixture) -> None:
    class One(JSONCache):
        @Cached()
        def fetch_both(self) -> Any:
            return object()

    class Two(JSONCache):
        @Cached()
        def fetch_both(self) -> Any:
            return object()

    One(logging=first_logging).fetch_both()
    caplog.clear()
    Two().fetch_both()
    assert "kept in memory only" in caplog.text


def test_a_variable_that_cannot_be_written_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    c = JSONCache(data_id="vars")
    c.ok, c.odd, c.loop, c.digits, c.deep = 1, object(), itself(), 10**6000, nested(600)  # type: ignore[attr-defined]
    c.json_cache_save()
    assert {k for k in vars(JSONCache(data_id="vars")) if not k.startswith("_")} == {"ok"}
    for name in ("odd", "loop", "digits", "deep"):
        assert f"the variable '{name}'" in caplog.text


def test_a_variable_whose_name_is_no_UTF_8_harms_no_other() -> None:
    c = JSONCache(data_id="names")
    c.ok = 1  # type: ignore[attr-defined]
    setattr(c, "\ud800", 2)
    c.json_cache_save()
    assert JSONCache(data_id="names").ok == 1  # type: ignore[attr-defined]


def test_clearing_a_name_that_is_no_UTF_8_clears_nothing_and_raises_nothing() -> None:
    c = Numbers()
    value = c.func(1)
    c.json_cache_clear("\ud800")
    assert c.func(1) == value


def test_a_surrogate_pair_in_two_characters_is_none_that_comes_back_as_one() -> None:
    Numbers(data_id="pair").echo("\ud800\udc00")
    again = Numbers(data_id="pair")
    assert again.echo("\ud800\udc00") == "\ud800\udc00"


def test_special_attributes_of_JSON_survive_as_keys() -> None:
    value = {"_json_cache_func_cache": {"x": 1}, "date": "x", "value": [1], "": 0, "\ud800": 1, "utc": 5}
    c = Numbers(data_id="keys")
    c.echo("x")
    c.state = value  # type: ignore[attr-defined]
    c.json_cache_save()
    assert Numbers(data_id="keys").state == value  # type: ignore[attr-defined]


SUBCLASSES = "collections.OrderedDict(a=1), collections.defaultdict(int, a=1), collections.Counter(a=1), Pair(1, 2), Text('x'), Number(3)"


def test_state_and_results_that_1_2_9_kept_over_a_restart_are_kept(run_program: Callable[..., str]) -> None:
    program = f"""
        import collections
        from cacherator import JSONCache, Cached
        Pair = collections.namedtuple("Pair", "x y")
        class Text(str): pass
        class Number(int): pass
        class C(JSONCache):
            @Cached()
            def f(self, i): return VALUES[i]
        VALUES = [{SUBCLASSES}]
        c = C(data_id="sub", logging=False)
        print(len(c.cache_status), len([k for k in vars(c) if k.startswith("v")]))
        for i, value in enumerate(VALUES):
            c.f(i)
            setattr(c, f"v{{i}}", value)
        c.json_cache_save()
    """
    assert run_program(program) == "0 0"
    assert run_program(program) == "4 6"  # a result comes back as the type that it had, or is computed: Text and Number
