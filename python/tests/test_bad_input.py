"""Bad input, of which the specification does not speak."""

from __future__ import annotations

import datetime as dt
import math
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from cacherator import Cached, JSONCache
from shared import Numbers

FOLDER = Path("data/cache")


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


@pytest.mark.parametrize("name", ["dynamodb_timeout", "dynamodb_connect_timeout"])
@pytest.mark.parametrize("span", [0, -1, dt.timedelta(0), -math.inf, math.nan, "soon", None])
def test_a_timeout_in_which_nothing_can_be_answered_is_told_without_a_table_too(name: str, span: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{name}.*(give|is neither)"):
        Numbers(**{name: span})


@pytest.mark.parametrize(
    "page", [{"limit": -1}, {"limit": 0}, {"limit": "5"}, {"limit": 1.5}, {"limit": True}, {"last_key": 5}, {"last_key": b"a"}], ids=str
)
def test_a_page_of_keys_that_cannot_be_is_told_without_a_table_too(page: Any) -> None:
    ((name, value),) = page.items()
    with pytest.raises((TypeError, ValueError)) as caught:
        Numbers().json_cache_list_db_keys(**page)
    assert str(caught.value).startswith(f"{name}={value!r}")


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
