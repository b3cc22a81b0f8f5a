"""The pages: what they show runs, and prints what they say.

A page's block of code stands alone. ```python: a program, run as `example.py` in a folder of its own. ```cpp with a main: a program
likewise; without one: declarations, which compile. What names a dynamodb_table finds a DynamoDB that is empty. A ```text output block says what the block before it prints. ```sh: its make
targets, presets and files exist. All C++ blocks are compiled as one program, each in a namespace of its own, which is faster.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, List, NamedTuple, Optional

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)
MAIN = re.compile(r"^int main\(\) \{$", re.MULTILINE)


class Block(NamedTuple):
    page: str
    line: int  # of its first line of code
    language: str
    code: str
    output: Optional[str]

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text()
    found = [(m.group(1).strip(), m.group(2), text[: m.start(2)].count("\n") + 1) for m in FENCE.finditer(text)]
    for i, (language, code, line) in enumerate(found):
        following = found[i + 1] if i + 1 < len(found) else ("", "", 0)
        output = following[1] if following[0] == "text output" else None
        yield Block(str(page.relative_to(ROOT)), line, language, code, output)


BLOCKS = [block for page in PAGES if page.exists() for block in blocks_of(page)]


def only(*languages: str) -> List[Any]:
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.language in languages]


CPP = [block for block in BLOCKS if block.language == "cpp"]


def run(program: List[str], folder: Path, block: Optional[Block] = None) -> str:
    """A block that names a table has a server of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": "random", "TZ": "UTC"}
    if block and "dynamodb_table" in block.code:
        from tables import started_server

        with started_server("dynalite") as server:
            return _run(program, folder, {**environment, **server.environment})
    return _run(program, folder, environment)


def _run(program: List[str], folder: Path, environment: "dict[str, str]") -> str:
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", only("python"))
def test_a_python_block_runs_and_prints_what_the_page_says(block: Block, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(block.code)
    output = run([sys.executable, "example.py"], tmp_path, block)
    if block.output is not None:
        assert output == block.output


def as_one_program() -> str:
    """Includes first, then a namespace for each block, then a main that runs the one whose number it is given."""
    includes: dict[str, None] = {"#include <cstdlib>": None}
    bodies, cases = [], []
    for number, block in enumerate(CPP):
        lines = []
        for line in block.code.splitlines():
            is_include = line.startswith("#include")
            if is_include:
                includes[line] = None
            lines.append("" if is_include else line)
        code, programs = MAIN.subn("static void program() {", "\n".join(lines))
        if programs:
            cases.append(f"    case {number}: block_{number}::program(); break;")
        bodies.append(f'namespace block_{number} {{\n#line {block.line} "{block.page}"\n{code}\n}}')
    main = "int main(int, char** arguments) {\n  switch (std::atoi(arguments[1])) {\n" + "\n".join(cases) + "\n    default: return 1;\n  }\n}\n"
    return "\n".join([*includes, *bodies, '#line 1 "main"', main])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = os.environ.get("CACHERATOR_LIBRARY")
    libraries = sorted(Path(build).rglob("libcacherator.a")) if build else []
    if not libraries:
        pytest.skip("CACHERATOR_LIBRARY names no build folder with libcacherator.a (make cpp-release makes build/release)")
    compiler = shutil.which("g++")
    if not compiler:
        pytest.skip("there is no g++ to compile the C++ blocks with (make setup installs it)")
    folder = tmp_path_factory.mktemp("cpp")
    source, made = folder / "pages.cpp", folder / "pages"
    source.write_text(as_one_program())
    include = os.environ.get("CACHERATOR_INCLUDE") or str(ROOT / "include")
    options = ["-std=c++20", "-O0", "-fno-lto", "-Wall", "-Wextra", "-Wno-unused-function", "-Wno-unused-variable", "-Werror", f"-I{include}"]
    link = [str(libraries[0]), "-lsimdjson", "-lz", "-lcurl", "-lcrypto", "-pthread"]
    done = subprocess.run([compiler, *options, str(source), "-o", str(made), *link], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        pytest.fail(f"the C++ blocks do not compile:\n{done.stderr[:8000]}")
    return made


def test_every_cpp_block_compiles(program: Path) -> None:
    assert program.exists()


@pytest.mark.parametrize("number", [pytest.param(i, id=block.place) for i, block in enumerate(CPP) if MAIN.search(block.code)])
def test_a_cpp_block_runs_and_prints_what_the_page_says(number: int, program: Path, tmp_path: Path) -> None:
    output = run([str(program), str(number)], tmp_path, CPP[number])
    if CPP[number].output is not None:
        assert output == CPP[number].output


@pytest.mark.parametrize("block", only("sh", "bash"))
def test_what_a_shell_block_names_exists(block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    presets = {preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
    targets |= {f"cpp-{name}" for name in presets} if re.search(r"^cpp-%:", makefile, re.MULTILINE) else set()
    for line in block.code.splitlines():
        command = line.split("#")[0].split()
        if command[:1] == ["make"]:
            assert set(command[1:]) <= targets, line
        for i, word in enumerate(command):
            if word == "--preset":
                assert command[i + 1] in presets, line
            if word.startswith(("tools/", "demo/", "examples/", "tests/", "python/")):
                assert (ROOT / word).exists(), line


def test_make_targets_that_the_text_names_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for name in re.findall(r"`make ([a-z0-9-]+)`", page.read_text()):
            assert name in targets or name.startswith("cpp-"), f"{page.name}: make {name}"


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_tests_that_a_page_names_exist(page: Path) -> None:
    cpp = "".join(path.read_text() for path in [*(ROOT / "tests").rglob("*.cpp"), *(ROOT / "tests").rglob("CMakeLists.txt")])
    names = {f"{suite}.{name}" for suite, name in re.findall(r"\bTEST(?:_F|_P)?\((\w+), (\w+)\)", cpp)}
    python = "".join(path.read_text() for path in (ROOT / "python/tests").glob("*.py"))
    names |= {name.split(".")[0] for name in names} | set(re.findall(r"\bdef (test_\w+)", python))
    names |= {path.name for folder in ("tests", "python/tests") for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".cpp")}
    names |= {path.stem for path in (ROOT / "fuzz").glob("*_fuzz.cpp")} | set(re.findall(r"\badd_test\(NAME (\w+)", cpp))
    shaped = r"\w+\.[A-Z]\w*_\w+|test_\w+(?:\.py)?|[A-Z]\w*Test|\w+_fuzz|(?:tests/)?\w+_test\.cpp|nothing_is_\w+"
    for name in re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text())):
        assert not re.fullmatch(shaped, name) or name.split("/")[-1] in names, f"it names {name}"


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_a_page_links_to_what_is_there_and_names_no_path_of_one_machine(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", FENCE.sub("", text)):
        assert "://" in target or (page.parent / target).exists(), f"it links to {target}"
    assert not re.search(r"(?<![\w.])/(?:work|root|home|Users)/", text)


def test_folders_that_the_readme_maps_exist() -> None:
    table = (ROOT / "README.md").read_text().split("## The folders")[1].split("\n## ")[0]
    for name in re.findall(r"`([a-z/]+/)`", table):
        assert any((ROOT / base / name).is_dir() for base in ("", "tests", "python")), name


def test_no_output_stands_without_the_code_that_prints_it() -> None:
    for before, block in zip([None, *BLOCKS], BLOCKS):
        if block.language == "text output":
            assert before is not None and before.page == block.page and before.language in ("python", "cpp"), block.place
