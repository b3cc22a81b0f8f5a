"""Beside 1.2.9: its documents are read, ours are read by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Callable

import pytest
from cacherator import Cached, JSONCache

PROGRAM = """
    from cacherator import JSONCache, Cached
    class C(JSONCache):
        n = 0
        @Cached()
        def f(self, x, y=2):
            C.n += 1
            return {"x": x, "y": y, "list": [1.5, None, True]}
    c = C(data_id="both", logging=False)
    CALLS
    c.json_cache_save()
    print(C.n, c.last_cache_status)
"""


def program(calls: str) -> str:
    return PROGRAM.replace("CALLS", calls)


def test_what_1_2_9_computed_is_a_hit_here(run_program: Callable[..., str]) -> None:
    calls = "c.f(1, 3); c.f(1); c.f(1, y=4); c.f('caf\\u00e9', [1, {'a': 2}]); c.score = 5"
    assert run_program(program(calls), incumbent=True) == "4 miss"
    assert run_program(program(calls)) == "0 l1"
    assert JSONCache(data_id="both").score == 5  # type: ignore[attr-defined]


def test_what_is_computed_here_is_a_hit_in_1_2_9(run_program: Callable[..., str]) -> None:
    calls = "c.f(1, 3); c.f('a', None); c.score = 7"
    assert run_program(program(calls)) == "2 miss"
    assert run_program(program("c.f(1, 3); c.f('a', None)"), incumbent=True) == "0 l1"
    assert run_program("from cacherator import JSONCache\nprint(JSONCache(data_id='both').score)", incumbent=True) == "7"


def test_programs_of_both_kinds_may_take_turns(run_program: Callable[..., str]) -> None:
    for i in range(3):
        assert run_program(program(f"c.f({i}, 1)")) == "1 miss"
        assert run_program(program(f"c.f({i}, 2); c.f({i}, 1)"), incumbent=True) == "1 l1"
    everything = "; ".join(f"c.f({i}, {j})" for i in range(3) for j in (1, 2))
    assert run_program(program(everything)) == "0 l1"
    assert run_program(program(everything), incumbent=True) == "0 l1"


def test_what_1_2_9_programs_set_may_be_set(tmp_path: Path) -> None:
    class C(JSONCache):
        @Cached()
        def f(self, x: int) -> int:
            return x

    c = C(data_id="one", ttl=True, logging=False)
    c.f(1)
    assert set(c._json_cache_func_cache) == {"f(1,){}"} and c._json_cache_data()["_json_cache_func_cache"].keys() == {"f(1,){}"}
    c._json_cache_func_cache = {}
    assert c.f(1) == 1 and c.last_cache_status == "miss"
    c._json_cache_data_id = "two"
    c._json_cache_directory = str(tmp_path / "elsewhere")
    c._dynamodb_enabled = c._save_on_del = True
    c.f(2)
    c.json_cache_save()
    assert c._dynamodb_enabled and c._save_on_del and str(c) == "two"
    assert set(json.loads((tmp_path / "elsewhere" / "two.json").read_text())["_json_cache_func_cache"]) == {"f(2,){}"}
    with pytest.raises(AttributeError, match="a view"):
        c._json_cache_func_cache = {"f(3,){}": {"value": 3}}
    assert C(ttl=None).f(1) == 1  # type: ignore[arg-type]


def test_the_modules_of_1_2_9_can_be_imported() -> None:
    from cacherator.cached_function import Cached as cached
    from cacherator.cacherator import JSONCache as cache
    from cacherator.date_time_encoder import DateTimeEncoder

    assert (cached, cache) == (Cached, JSONCache)
    assert json.dumps({"at": datetime(2024, 11, 21, 10, 15)}, cls=DateTimeEncoder) == '{"at": "2024-11-21T10:15:00"}'


def test_old_documents_of_every_kind_are_read() -> None:
    folder = Path("data/cache")
    folder.mkdir(parents=True)
    big = {f"f({i}, 0){{}}": {"value": "x" * 400, "date": "2026-01-01T00:00:00"} for i in range(10_000)}
    document = {
        "_json_cache_func_cache": {
            "f(1, 2){}": {"value": float("nan"), "date": "2026-11-01T10:00:00.123456"},
            "f(2, 2){}": {"value": float("inf"), "date": "2026-11-01T10:00:00"},
            "f(3, 2){}": {"value": 10**40, "date": "2026-11-01T10:00:00"},
            "f('\u00fc', 2){}": {"value": "\u00fc", "date": "2026-11-01T10:00:00"},
            "f(4, 2){}": {"value": 1},
            "f(5, 2){}": {"value": {"$cacherator": "tuple", "value": [1]}, "date": "2026-11-01T10:00:00.5"},
            **big,
        },
        "_json_cache_last_save_date": "2026-11-01T10:00:00.000001",
        "_json_cache_variable_cache": {"score": 1, "when": "2026-11-01T10:00:00"},
    }
    (folder / "old.json").write_text(json.dumps(document, indent=4, ensure_ascii=False))

    class Old(JSONCache):
        @Cached()
        def f(self, x: Any, y: Any = 2) -> Any:
            return "computed"

    c = Old(data_id="old")
    assert c.f(1) != c.f(1) and c.f(2) == float("inf") and c.f(3) == 10**40 and c.f("\u00fc") == "\u00fc"
    assert c.f(4) == "computed" and c.f(5) == {"$cacherator": "tuple", "value": [1]} and c.f(9_999, 0) == "x" * 400
    assert c.score == 1 and c.when == "2026-11-01T10:00:00"  # type: ignore[attr-defined]
    c.json_cache_save()
    again = Old(data_id="old")
    assert again.f(5) == {"$cacherator": "tuple", "value": [1]} and again.f(3) == 10**40
    written = json.loads((folder / "old.json").read_text())["_json_cache_func_cache"]
    assert written["f(5, 2){}"] == {"value": {"$cacherator": "tuple", "value": [1]}, "date": "2026-11-01T10:00:00.500000"}
    assert written["f(4, 2){}"]["value"] == "computed"


def test_a_1_2_9_program_that_saves_while_ours_runs_loses_nothing_of_ours(run_program: Callable[..., str]) -> None:
    class C(JSONCache):
        @Cached()
        def f(self, x: Any, y: Any = 2) -> Any:
            return "ours"

    ours = C(data_id="both")
    ours.f(1, 1)
    ours.json_cache_save()
    assert run_program(program("c.f(2, 2)"), incumbent=True) == "1 miss"
    ours.f(3, 3)
    ours.json_cache_save()
    assert [C(data_id="both").f(1, 1), C(data_id="both").f(2, 2)["x"], C(data_id="both").f(3, 3)] == ["ours", 2, "ours"]


#: Tests of 1.2.9 that put functions of their own in the place of its inner ones, which are not here.
OF_ITS_INSIDE = [
    f"tests/test_cacherator.py::TestSaveOnDel::test_{name}"
    for name in (
        "finalize_skips_dynamodb_by_default",
        "finalize_writes_dynamodb_when_save_on_del_true",
        "finalize_always_saves_l1",
        "json_cache_save_always_writes_both",
    )
]


def test_the_tests_of_1_2_9_about_local_caches_pass() -> None:
    tests = os.environ.get("CACHERATOR_INCUMBENT_TESTS")
    if not tests:
        pytest.skip("CACHERATOR_INCUMBENT_TESTS names no folder with the tests of 1.2.9 (make setup makes one)")
    files = ["tests/test_cacherator.py", "tests/test_race_condition.py"]
    command = [sys.executable, "-m", "pytest", "-q", *(f"--deselect={one}" for one in OF_ITS_INSIDE), *files]
    with tempfile.TemporaryDirectory() as folder:  # of a short name: paths are absolute here, and one of the tests wants less than 260 characters
        shutil.copytree(tests, Path(folder) / "tests")
        (Path(folder) / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert "39 passed, 4 deselected" in done.stdout, done.stdout
