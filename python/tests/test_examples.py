"""The examples of both languages run, say the same, and share their entries."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.cpp"))
SHARED = [name for name in NAMES if name != "game_state"]  # which counts on, each time it runs


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(ROOT / "examples/server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        yield server.stdout.readline().strip()
        server.stdin.close()


@pytest.fixture
def run(api: str, tmp_path: Path) -> Callable[..., str]:
    binaries = os.environ.get("CACHERATOR_EXAMPLES", "")

    def run(name: str, language: str, *arguments: str) -> str:
        program = [sys.executable, str(ROOT / "examples" / f"{name}.py")] if language == "python" else [str(Path(binaries) / name)]
        if language == "cpp" and not Path(program[0]).exists():
            pytest.skip("CACHERATOR_EXAMPLES names no folder with the C++ examples (make cpp-release builds them)")
        environment = {**os.environ, "CACHERATOR_EXAMPLE_API": api}
        done = subprocess.run([*program, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    return run


def remembered(output: str) -> str:
    return re.sub(r"\b(l1|miss)\b", "l1", output).replace("asked the API", "remembered")


def test_every_example_exists_in_both_languages() -> None:
    assert set(NAMES) == {
        "calculator", "api_client", "game_state", "web_scraper", "weather_service",
        "data_processor", "data_service", "github_client", "user_repository", "model_predictor",
    }  # fmt: skip
    for name in NAMES:
        assert (ROOT / "examples" / f"{name}.py").exists(), name


@pytest.mark.parametrize("first, second", [("python", "cpp"), ("cpp", "python")])
@pytest.mark.parametrize("name", SHARED)
def test_what_one_language_computed_the_other_remembers(run: Callable[..., str], name: str, first: str, second: str) -> None:
    computed = run(name, first)
    assert "miss" in computed or "asked the API" in computed, computed
    assert run(name, second) == remembered(computed)


def test_both_languages_go_on_with_one_state(run: Callable[..., str]) -> None:
    assert run("game_state", "python") == "level 1, score 100\n"
    assert run("game_state", "cpp") == "level 1, score 200\n"
    assert run("game_state", "python") == "level 1, score 300\n"


@pytest.mark.parametrize("language", ["python", "cpp"])
def test_the_cache_is_cleared_by_function_and_whole(run: Callable[..., str], language: str) -> None:
    assert run("data_processor", language, "--clear").endswith("5 entries: analyze 2, process 3\ncleared: 2 entries\ncleared: 0 entries\n")
    assert "miss" in run("data_processor", language)


def test_an_excluded_variable_never_reaches_the_files(run: Callable[..., str], tmp_path: Path) -> None:
    run("data_processor", "python")
    texts = [path.read_text() for path in (tmp_path / "data/cache").iterdir() if path.suffix in (".json", ".journal")]
    assert any("results" in text for text in texts)
    assert not any("secret" in text or "temp_data" in text for text in texts)
