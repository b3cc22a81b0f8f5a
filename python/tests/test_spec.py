"""The specification, sentence by sentence, where no other test says it."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import json
import logging
import statistics
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from cacherator import Cached, JSONCache
from shared import Numbers

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
