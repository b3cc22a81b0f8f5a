"""What type checkers say: of the package, of its examples, and of programs that use it well and badly.

In the programs below `# error: code` marks the lines that mypy has to report, and no others; basedpyright, where it
is installed, has to report the same lines. `# reveals: type` is what mypy infers.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
import typing
from importlib import metadata
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, get_type_hints

import pytest
from cacherator import Cached, JSONCache, _native, _types

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "pyproject.toml"
PRELUDE = """
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional
from cacherator import Cached, JSONCache
from typing_extensions import assert_type

"""
#: What stubtest cannot see, and why.
ALLOWED = r"""
cacherator\._native\.[a-z_]+            # nanobind's functions are none to it: the test of their parameters looks
cacherator\._native\.(AsyncCall|Cache)  # their metaclass is nanobind's, which has no name to import
"""


def installed(package: str) -> Tuple[int, ...]:
    """Its version; () where it is not installed."""
    try:
        return tuple(int(part) for part in metadata.version(package).split(".")[:2])
    except metadata.PackageNotFoundError:
        return ()


pyright = installed("basedpyright")
needs_mypy = pytest.mark.skipif(
    installed("mypy") < (2, 2),
    reason="mypy 2.2 (the first that understands a bare @Cached) or newer is not installed for this interpreter",
)
needs_pyright = pytest.mark.skipif(not pyright, reason="basedpyright is not installed for this interpreter (make setup puts it into .venv)")


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "MYPYPATH": str(ROOT / "python")}
    program = [sys.executable, "-m", *command]
    return subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def mypy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs mypy --strict; answers what it printed."""
    folder = tmp_path_factory.mktemp("mypy")
    settings = ["--strict", "--no-pretty", "--config-file", str(CONFIG), "--cache-dir", str(folder)]

    def mypy(*arguments: object) -> str:
        done = run(folder, "mypy", *settings, *map(str, arguments))
        assert done.returncode < 2 and not done.stderr, done.stdout + done.stderr
        return done.stdout

    return mypy


def pyright_lines(program: Path) -> List[int]:
    """The lines that basedpyright reports."""
    config = {"extraPaths": [str(ROOT / "python")], "typeCheckingMode": "standard", "include": [str(program)]}
    (program.parent / "pyrightconfig.json").write_text(json.dumps(config))
    found = json.loads(run(program.parent, "basedpyright", "--outputjson").stdout)["generalDiagnostics"]
    return sorted({one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"})


@pytest.fixture
def check(mypy: Callable[..., str], tmp_path: Path) -> Callable[[str], None]:
    """Compares what the checkers say of a program with its marks."""

    def check(source: str) -> None:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + textwrap.dedent(source).lstrip("\n"))
        lines = list(enumerate(program.read_text().splitlines(), 1))
        errors = {n: mark[1] for n, line in lines if (mark := re.search(r"# error: (.+)", line))}
        types = {n: mark[1] for n, line in lines if (mark := re.search(r"# reveals: (.+)", line))}
        said = mypy(program)
        reported = re.findall(r"program\.py:(\d+): error: .*\[([a-z-]+)\]$", said, re.MULTILINE)
        inferred = re.findall(r'program\.py:(\d+): note: Revealed type is "(.*)"$', said, re.MULTILINE)
        assert {int(n): code for n, code in reported} == errors, said
        assert {int(n): re.sub(r"\b(builtins|typing|program)\.", "", text) for n, text in inferred} == types, said
        if pyright:
            assert pyright_lines(program) == list(errors)

    return check


# ---- the package and its examples


@needs_mypy
def test_mypy_finds_no_fault_in_the_package(mypy: Callable[..., str]) -> None:
    assert mypy(ROOT / "python/cacherator").startswith("Success")


@needs_mypy
def test_mypy_finds_no_fault_in_the_examples(mypy: Callable[..., str]) -> None:
    assert mypy(*sorted((ROOT / "examples").glob("*.py"))).startswith("Success")


@needs_pyright
def test_basedpyright_finds_no_fault_in_the_examples() -> None:
    done = run(ROOT, "basedpyright", "--project", str(CONFIG))
    assert done.returncode == 0, done.stdout


@needs_mypy
def test_the_stubs_agree_with_the_package_that_runs(tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text(ALLOWED)
    done = run(tmp_path, "mypy.stubtest", "cacherator", "--allowlist", "allowed", "--mypy-config-file", str(CONFIG))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stub_has_the_parameters_of_each_native_function() -> None:
    def parameters(body: List[ast.stmt]) -> Dict[str, Any]:
        functions = {node.name: node.args for node in body if isinstance(node, ast.FunctionDef)}
        return {
            name: (len(given.posonlyargs), [one.arg for one in given.args], len(given.defaults))
            for name, given in functions.items()
        }

    def documented(owner: Any) -> Dict[str, Any]:
        functions = [f for f in vars(owner).values() if type(f).__name__ in ("nb_func", "nb_method")]
        return parameters(ast.parse("\n".join(f"def {f.__doc__.splitlines()[0]}: ..." for f in functions)).body)

    stub = ast.parse((ROOT / "python/cacherator/_native.pyi").read_text()).body
    classes = {node.name: parameters(node.body) for node in stub if isinstance(node, ast.ClassDef)}
    del classes["Cache"]["__init__"]  # which says that there is none
    assert parameters(stub) == documented(_native)
    assert classes["Cache"] == documented(_native.Cache)
    assert classes["AsyncCall"] == documented(_native.AsyncCall)


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(_types.__file__).with_name("py.typed").exists()
    assert Path(_types.__file__).with_name("_native.pyi").exists()


# ---- programs


@needs_mypy
def test_a_decorated_method_keeps_its_signature(check: Callable[[str], None]) -> None:
    check("""
        class Power(JSONCache):
            @Cached()
            def power(self, x: float, y: int = 2, *, modulo: Optional[int] = None) -> float:
                return x**y

            @Cached(ttl=7)
            def names(self, *wanted: str) -> List[str]:
                return list(wanted)

        p = Power()
        reveal_type(p.power)  # reveals: def (x: float, y: int =, *, modulo: int | None =) -> float
        reveal_type(Power.power)  # reveals: def (self: Power, x: float, y: int =, *, modulo: int | None =) -> float
        assert_type(p.power(2, modulo=5), float)
        assert_type(p.names("a", "b"), List[str])
        p.power("2")  # error: arg-type
        p.power(2, 3, 4)  # error: call-arg
        p.power(2, mod=5)  # error: call-arg
        p.power()  # error: call-arg
        text: str = p.power(2)  # error: assignment
        p.names(1)  # error: arg-type
    """)


@needs_mypy
def test_a_bare_decorator_keeps_the_signature_too(check: Callable[[str], None]) -> None:
    check("""
        class Bare(JSONCache):
            @Cached
            def half(self, x: int) -> float:
                return x / 2

            @Cached
            async def later(self, x: int) -> float:
                return x / 2

        @Cached
        def twice(x: int) -> int:
            return 2 * x

        reveal_type(Bare().half)  # reveals: def (x: int) -> float
        reveal_type(Bare().later)  # reveals: def (x: int) -> Coroutine[Any, Any, float]
        reveal_type(twice)  # reveals: def (x: int) -> int
        Bare().half("1")  # error: arg-type
        twice("1")  # error: arg-type
    """)


@needs_mypy
def test_class_methods_static_methods_properties_and_functions_keep_their_types(check: Callable[[str], None]) -> None:
    check("""
        class All(JSONCache):
            @classmethod
            @Cached()
            def below(cls, x: int) -> str:
                return str(x)

            @Cached(ttl=1)
            @classmethod
            def above(cls, x: int) -> str:
                return str(x)

            @staticmethod
            @Cached()
            def static_below(x: int) -> str:
                return str(x)

            @Cached()
            @staticmethod
            def static_above(x: int) -> str:
                return str(x)

            @property
            @Cached()
            def answer(self) -> int:
                return 42

        class Child(All):
            @Cached()
            def extra(self, x: int) -> str:
                return self.above(x) + super().below(x)

        @Cached(directory="d", data_id="functions", key=lambda x: x)
        def free(x: int) -> str:
            return str(x)

        for call in (All.below, All.above, All.static_below, All.static_above, Child().above, Child().extra, free):
            assert_type(call(1), str)
        assert_type(All().answer, int)
        All.below("1")  # error: arg-type
        All.above("1")  # error: arg-type
        All.static_below("1")  # error: arg-type
        All().static_above("1")  # error: arg-type
        All().answer()  # error: operator
        free("1")  # error: arg-type
    """)


@needs_mypy
def test_an_async_method_stays_one(check: Callable[[str], None]) -> None:
    check("""
        class Client(JSONCache):
            @Cached(ttl=1)
            async def user(self, number: int) -> Dict[str, str]:
                return {}

            @Cached()
            def now(self) -> int:
                return 1

        async def main(c: Client) -> None:
            assert_type(await c.user(1), Dict[str, str])
            await c.user("1")  # error: arg-type
            name: Dict[str, str] = c.user(1)  # error: assignment
            await c.now()  # error: misc
            number: int = await c.user(1)  # error: assignment
    """)


@needs_mypy
def test_protocols_and_overriding_see_through_the_decorator(check: Callable[[str], None]) -> None:
    check("""
        from abc import ABC, abstractmethod
        from typing import Protocol

        class Source(Protocol):
            def read(self, key: str) -> bytes: ...

        class Base(JSONCache, ABC):
            @Cached()
            @abstractmethod
            def read(self, key: str) -> bytes: ...

        class Good(Base):
            @Cached()
            def read(self, key: str) -> bytes:
                return b""

        class Bad(Base):
            @Cached()
            def read(self, key: int) -> bytes:  # error: override
                return b""

        class Other(JSONCache):
            @Cached()
            def read(self, key: str) -> str:
                return key

        source: Source = Good()
        source = Other()  # error: assignment
        Base()  # error: abstract
    """)


@needs_mypy
def test_options_of_the_wrong_type_or_name_are_errors(check: Callable[[str], None]) -> None:
    check("""
        Cached(1)
        Cached(ttl=timedelta(hours=1), clear_cache=True)
        Cached(ttl=Decimal("0.5"))
        Cached(key=lambda x: x, directory=Path("d"), data_id=7)
        Cached(ttl="a week")  # error: call-overload
        Cached(ttl=[1])  # error: call-overload
        Cached(tll=1)  # error: call-overload
        Cached(key="x")  # error: call-overload
        Cached(1, False, len)  # error: call-overload
        Cached()(5)  # error: call-overload
        reveal_type(Cached(ttl=1))  # reveals: cacherator._cached.Cached

        JSONCache()
        JSONCache("id", Path("d"), False, 0.5, True, None, False)
        JSONCache(7, ttl=timedelta(days=1), durability="power", hits="checked")
        JSONCache(ttl="a week")  # error: arg-type
        JSONCache(ttl=None)  # error: arg-type
        JSONCache(data_id=["id"])  # error: arg-type
        JSONCache(directory=None)  # error: arg-type
        JSONCache(data_dir="d")  # error: call-arg
        JSONCache(durability="disk")  # error: arg-type
        JSONCache(hits="fast")  # error: arg-type
        JSONCache(dynamodb_table=True)  # error: arg-type
        JSONCache("id", "d", False, 1, True, None, False, "power")  # error: call-arg
    """)


@needs_mypy
def test_what_a_cache_tells_of_itself_has_precise_types(check: Callable[[str], None]) -> None:
    check("""
        c = JSONCache()
        info = c.json_cache_info()
        assert_type(info["entries"], int)
        assert_type(info["document"], str)
        assert_type(info["faults"]["write"], int)
        assert_type(info["functions"]["f"]["misses"], int)
        assert_type(c.json_cache_stats()["functions"], Dict[str, int])
        assert_type(c.json_cache_list_db_keys(limit=5)["last_key"], Optional[str])
        assert_type(c.last_cache_status, Optional[str])
        assert_type(c.cache_status, Dict[str, str])
        JSONCache.set_logging(False)
        c.set_logging(True)
        c.json_cache_clear("f")
        c.json_cache_save()
        info["entrys"]  # error: typeddict-item
        status: str = c.last_cache_status  # error: assignment
        c.json_cache_clear(7)  # error: arg-type
        JSONCache.set_logging("off")  # error: arg-type
        c.json_cache_list_db_keys(last_key=1)  # error: arg-type
        c.json_cache_safe()  # error: attr-defined
    """)


@needs_mypy
def test_a_status_may_be_asserted_before_and_after_a_call(check: Callable[[str], None]) -> None:
    check("""
        class Twice(JSONCache):
            @Cached()
            def twice(self, x: int) -> int:
                return 2 * x

        t = Twice()
        assert t.last_cache_status is None
        assert t.twice(1) == 2 and t.last_cache_status == "miss"
        assert t.twice(1) == 2 and t.last_cache_status == "l1"
    """)


@needs_mypy
def test_excluded_variables_are_a_list_of_names(check: Callable[[str], None]) -> None:
    check("""
        class Good(JSONCache):
            def __init__(self) -> None:
                self._excluded_cache_vars = ["db"]
                super().__init__()
                self.cache_status = {}
                self.last_cache_status = None

        class Bad(JSONCache):
            def __init__(self) -> None:
                self._excluded_cache_vars = "db"  # error: assignment
                super().__init__()
    """)


# ---- types at run time


def test_annotations_can_be_looked_at() -> None:
    names = {**vars(typing), **vars(_types)}  # they are not imported with the package: that stays light
    for cls in (JSONCache, Cached):
        for function in vars(cls).values():
            function = getattr(function, "fget", None) or getattr(function, "__func__", function)
            if hasattr(function, "__annotations__"):
                assert get_type_hints(function, names) is not None


def test_the_figures_are_what_their_types_say() -> None:
    class Counter(JSONCache):
        @Cached()
        def count(self, n: int) -> int:
            return n

    def assert_is(value: Dict[str, Any], said: Any) -> None:
        hints = {name: hint for name, hint in get_type_hints(said).items() if name in said.__required_keys__}
        assert set(value) == set(hints)
        assert {name: type(value[name]) for name in hints if hints[name] in (int, str, bool)} == {
            name: hint for name, hint in hints.items() if hint in (int, str, bool)
        }

    c = Counter()
    assert c.count(1) == c.count(1) == 1
    info: Any = c.json_cache_info()
    stats: Any = c.json_cache_stats()
    keys: Any = c.json_cache_list_db_keys()
    assert_is(info, _types.Info)
    assert_is(info["faults"], _types.Faults)
    assert_is(info["functions"]["count"], _types.Counts)
    assert_is(stats, _types.Stats)
    assert_is(keys, _types.DbKeys)
    assert set(c.cache_status.values()) | {c.last_cache_status} <= {"l1", "l2", "miss"}
