"""Plain functions: their names, and who of several it belongs to."""

from __future__ import annotations

import asyncio
import copy
import pickle
from pathlib import Path
from typing import Any, Callable, List

import pytest
from cacherator import Cached, JSONCache
from shared import retry

# ---- plain functions


@Cached
def plain(x: int, *, k: int = 1) -> List[int]:
    """The doc."""
    return [x, k]


@Cached
async def plain_async(x: int) -> List[int]:
    return [x]


@Cached(directory="elsewhere", data_id="mine", ttl=7)
def homed(x: int) -> List[int]:
    return [x]


def test_plain_functions_are_kept_under_module_and_name() -> None:
    for function in (plain, plain_async, homed):
        function._forget()  # type: ignore[attr-defined]
    assert plain(1) is plain(1, k=1) and plain(2) != plain(1)
    assert asyncio.run(plain_async(1)) is asyncio.run(plain_async(1))  # type: ignore[arg-type]
    assert homed(1) is homed(1)
    assert JSONCache(data_id=f"{__name__}.plain").json_cache_stats() == {"total_entries": 2, "functions": {"plain": 2}}
    assert JSONCache(data_id=f"{__name__}.plain_async").json_cache_stats()["total_entries"] == 1
    assert list(JSONCache("mine", "elsewhere").cache_status) == ["homed(1,){}"]


def test_a_function_of_a_program_is_kept_under_the_scripts_name(own_folder: Path, run_program: Callable[..., str]) -> None:
    Path("my_script.py").write_text("from cacherator import Cached\n@Cached\ndef f(x): return x\nf(1)\n")
    run_program("import subprocess, sys; subprocess.run([sys.executable, 'my_script.py'], check=True)")
    assert list(JSONCache(data_id="my_script.f").cache_status) == ["f(1,){}"]


def power(n: int) -> Any:
    @Cached()
    def compute(x: int) -> int:
        return x**n  # type: ignore[no-any-return]

    return compute


def warnings_in(caplog: pytest.LogCaptureFixture) -> List[str]:
    return [record.getMessage() for record in caplog.records]


def test_functions_of_one_factory_that_capture_different_values_keep_apart(caplog: pytest.LogCaptureFixture) -> None:
    square, cube, again = power(2), power(3), power(2)
    for _ in range(2):
        assert [square(3), cube(3), again(3), power(3)(3)] == [9, 27, 9, 27]
    assert cube(10**9) is cube(10**9), "remembered, in memory"
    assert again(10**9) is not again(10**9 + 1) and square(10**9) == again(10**9) == 10**18
    (warning,) = warnings_in(caplog)
    assert "power.<locals>.compute" in warning and "@Cached(data_id=...)" in warning
    assert set(JSONCache(data_id=f"{__name__}.power.<locals>.compute").cache_status) == {
        "compute(3,){}", f"compute({10**9},){{}}", f"compute({10**9 + 1},){{}}"
    }  # fmt: skip


def test_a_function_that_is_gone_leaves_its_results_to_none_that_captures_other_values() -> None:
    assert [power(n)(3) for n in (2, 3, 2, 4)] == [9, 27, 9, 81]


def test_functions_of_one_name_that_capture_what_has_no_text_keep_apart() -> None:
    class Session:
        def __init__(self, name: str) -> None:
            self.name = name

    def ask(session: Session) -> Any:
        return Cached()(lambda: session.name)

    def ask_default(session: Session) -> Any:
        @Cached()
        def f(x: int, session: Session = session) -> List[Any]:
            return [session.name, x]

        return f

    one, two = Session("one"), Session("two")
    for _ in range(2):
        assert [ask(one)(), ask(two)(), ask(one)()] == ["one", "two", "one"]
        assert [ask_default(one)(1), ask_default(two)(1)] == [["one", 1], ["two", 1]]


def test_a_function_may_capture_itself_and_others_made_alike(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def make(offset: int) -> Any:
        def add(x: int) -> int:
            return x + offset

        @Cached()
        def fibonacci(n: int) -> int:
            calls.append(n)
            return n if n < 2 else add(fibonacci(n - 1)) + fibonacci(n - 2)

        return fibonacci

    calls.clear()
    first = make(0)
    assert first(3) == 2 and len(calls) == 4
    calls.clear()
    assert make(0)(3) == 2 and not calls and not caplog.records
    assert make(1)(3) == 4 and len(caplog.records) == 1


def test_lambdas_of_a_module_and_functions_below_a_decorator_keep_apart_in_every_process(run_program: Callable[..., str]) -> None:
    program = """
        import sys
        from cacherator import Cached
        def retry(f):
            def inner(*a): return f(*a)
            return inner
        @Cached()
        @retry
        def three(): return 3
        @Cached()
        @retry
        def four(): return 4
        def add(x): return x + 1
        one = Cached()(add)
        def add(x): return x + 2
        two = Cached()(add)
        double, half = Cached()(lambda x: 2 * x), Cached()(lambda x: x / 2)
        class O1:
            class In:
                @staticmethod
                @Cached()
                def f(): return "O1"
                @classmethod
                @Cached()
                def g(cls): return "O1"
        class O2:
            class In:
                @staticmethod
                @Cached()
                def f(): return "O2"
                @classmethod
                @Cached()
                def g(cls): return "O2"
        calls = [three, four, lambda: one(1), lambda: two(1), lambda: double(4), lambda: half(4), O1.In.f, O2.In.f, O1.In.g, O2.In.g]
        print([call() for call in (reversed(calls) if REVERSED else calls)])
    """
    expected = [3, 4, 2, 3, 8, 2.0, "O1", "O2", "O1", "O2"]
    assert run_program(program.replace("REVERSED", "False")) == str(expected)
    assert run_program(program.replace("REVERSED", "True")) == str(expected[::-1])
    assert run_program(program.replace("REVERSED", "False")) == str(expected)


CELL = """
calls = []
def outer(n):
    @Cached()
    def inner(x):
        calls.append("inner")
        return [x, n]
    return inner
@Cached()
def f(x):
    calls.append("f")
    return [x]
@Cached()
@retry
def g(x):
    calls.append("g")
    return [x]
h = Cached()(lambda x: [x])
"""


@pytest.mark.parametrize("lives", [True, False], ids=["the old ones live", "the old ones are gone"])
def test_a_notebooks_cell_that_is_executed_again_or_edited_goes_on_under_the_names(lives: bool, caplog: pytest.LogCaptureFixture) -> None:
    names = {"Cached": Cached, "retry": retry, "__name__": "a_notebook"}
    kept = []

    def run_cell(text: str) -> Any:
        exec(compile(text, "<cell>", "exec"), names)
        made = [names[name] for name in ("f", "g", "h")] + [names["outer"](2)]  # type: ignore[operator]
        if lives:
            kept.append(made)
        return [function(1) for function in made], names["calls"]

    assert run_cell(CELL) == ([[1], [1], [1], [1, 2]], ["f", "g", "inner"])
    assert run_cell(CELL) == ([[1], [1], [1], [1, 2]], [])
    edited = "\n" + CELL.replace("[x]", "[x, 'edited']").replace("[x, n]", "[x, n, 'edited']")
    assert run_cell(edited) == ([[1], [1], [1], [1, 2]], []), "the results of the names, as of any edited program"
    assert not caplog.records
    assert names["outer"](3)(1) == [1, 3, "edited"]  # type: ignore[operator]


def test_a_module_that_is_reloaded_goes_on_under_its_names(own_folder: Path, run_program: Callable[..., str]) -> None:
    Path("reloaded.py").write_text("from cacherator import Cached\n@Cached()\ndef f(x): print('computed'); return x\n")
    program = """
        import importlib, sys
        sys.path.insert(0, "."); sys.dont_write_bytecode = True
        import reloaded
        from reloaded import f
        f(1)
        open("reloaded.py", "a").write("# more\\n")
        importlib.reload(reloaded).f(1)
        open("reloaded.py", "w").write("from cacherator import Cached\\n\\n@Cached()\\ndef f(x): print('computed anew'); return x\\n")
        importlib.reload(reloaded).f(1)
        importlib.reload(reloaded).f(2)
    """
    assert run_program(program + "\n") == "computed\ncomputed anew"
    assert list(JSONCache(data_id="reloaded.f").cache_status) == ["f(1,){}", "f(2,){}"]


def test_a_function_is_itself_to_copy_and_pickle() -> None:
    assert pickle.loads(pickle.dumps(plain)) is plain and copy.copy(plain) is plain and copy.deepcopy(plain) is plain
    assert callable(plain) and hash(plain) == hash(plain) and plain == plain
