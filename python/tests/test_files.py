"""What is in the files, who reads them, and what happens to them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Callable

import pytest
from cacherator import Cached, JSONCache

FOLDER = Path("data/cache")


class Cache(JSONCache):
    @Cached()
    def f(self, x: Any) -> Any:
        return [x]


def test_names_are_those_of_1_2_9_and_data_ids_of_one_name_keep_apart() -> None:
    assert Cache(data_id="game_player1")._json_cache_filename_with_path.endswith("/game-player1.json")
    for i, data_id in enumerate(["a b", "a-b", "A_B"]):
        Cache(data_id=data_id).f(i)
    for i, data_id in enumerate(["a b", "a-b", "A_B"]):
        assert list(Cache(data_id=data_id)._json_cache_func_cache) == [f"f({i},){{}}"]


@pytest.mark.parametrize("data_id", ["", "..", "../../x", "/", "a/b", "x" * 10_000, "名前", "caf\u00e9", "\ud800", 7, 1.5, Path("p/q")])
def test_any_data_id_works_and_stays_in_its_folder(data_id: Any, own_folder: Path) -> None:
    c = Cache(data_id=data_id)
    c.f(1)
    c.json_cache_save()
    again = Cache(data_id=data_id)
    assert list(again._json_cache_func_cache) == ["f(1,){}"]
    files = {p.parent for p in own_folder.rglob("*") if p.is_file()}
    assert files == {own_folder / "data" / "cache"}


def test_a_miss_is_in_the_journal_when_it_returns() -> None:
    Cache(data_id="j").f("hello")
    assert "f('hello',){}" in (FOLDER / "j.journal").read_text()


def test_a_killed_process_loses_no_result_that_was_returned(own_folder: Path) -> None:
    program = """
import itertools
from cacherator import JSONCache, Cached
class C(JSONCache):
    @Cached()
    def f(self, x): return x * 2
c = C(data_id="killed")
for i in itertools.count():
    c.f(i)
    print(i, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=own_folder)
    assert child.stdout
    last = -1
    until = time.time() + 1.5
    while time.time() < until:
        last = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split("\n")[:-1]
    child.wait()
    last = int(rest[-1]) if rest else last

    class C(JSONCache):
        @Cached()
        def f(self, x: int) -> int:
            raise AssertionError(f"{x} was lost")

    c = C(data_id="killed")
    assert [c.f(i) for i in range(last + 1)] == [i * 2 for i in range(last + 1)]


def test_state_survives_and_a_reader_does_not_overwrite_newer_state(run_program: Callable[..., str]) -> None:
    program = """
        from cacherator import JSONCache
        class Game(JSONCache):
            def __init__(self, game_id):
                super().__init__(data_id=f"game_{game_id}")
                if not hasattr(self, "score"):
                    self.score = 0
        game = Game("player1")
        print(game.score)
        game.score += 100
        game.json_cache_save()
    """
    assert [run_program(program) for _ in range(3)] == ["0", "100", "200"]


def test_excluded_variables_are_neither_saved_nor_restored() -> None:
    class Secretive(JSONCache):
        def __init__(self) -> None:
            self._excluded_cache_vars = ["key"]
            super().__init__(data_id="s")
            self.key = "secret"
            self.shown = 1

    s = Secretive()
    s.json_cache_save()
    assert "secret" not in (FOLDER / "s.json").read_text()
    s._excluded_cache_vars = ["key", "shown"]
    assert s._cached_variables == {}


def test_an_object_saves_its_state_when_it_goes_and_a_variable_that_is_deleted_goes_too() -> None:
    def make() -> JSONCache:
        return JSONCache(data_id="going")

    a = make()
    a.x, a.y = 1, 2  # type: ignore[attr-defined]
    del a
    b = make()
    assert (b.x, b.y) == (1, 2)  # type: ignore[attr-defined]
    del b.x  # type: ignore[attr-defined]
    del b
    assert not hasattr(make(), "x") and make().y == 2  # type: ignore[attr-defined]


def test_state_that_is_older_than_the_ttl_is_not_restored() -> None:
    a = JSONCache(data_id="old")
    a.x = 1  # type: ignore[attr-defined]
    a.json_cache_save()
    time.sleep(0.05)
    assert not hasattr(JSONCache(data_id="old", ttl=0.01 / 86400), "x")
    assert hasattr(JSONCache(data_id="old"), "x")


def test_after_a_normal_exit_everything_is_in_the_document(run_program: Callable[..., str]) -> None:
    run_program("""
        from cacherator import JSONCache, Cached
        class C(JSONCache):
            @Cached()
            def f(self, x): return x
        c = C(data_id="exit")
        for i in range(100): c.f(i)
        c.note = "kept"
    """)
    document = json.loads((FOLDER / "exit.json").read_text())
    assert len(document["_json_cache_func_cache"]) == 100
    assert document["_json_cache_variable_cache"] == {"note": "kept"}


def test_deleting_the_files_forgets_even_while_the_program_runs() -> None:
    c = Cache(data_id="deleted")
    first = c.f(1)
    c.json_cache_save()
    for file in FOLDER.glob("deleted*"):
        file.unlink()
    time.sleep(0.15)
    assert c.f(1) is not first
    assert (FOLDER / "deleted.journal").exists()


def test_an_edit_by_hand_takes_effect_while_the_program_runs() -> None:
    c = Cache(data_id="edited")
    c.f(1)
    c.json_cache_save()
    path = FOLDER / "edited.json"
    path.write_text(path.read_text().replace("[1]", "[99]"))
    time.sleep(0.15)
    assert c.f(1) == [99]


def damage(path: Path) -> str:
    """Takes a bracket out of the entry f(2); the damage is a minute old."""
    text = path.read_text().replace('"f(2,){}": {"value": [2]', '"f(2,){}": {"value": [2')
    path.write_text(text)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return text


def test_a_damaged_document_is_used_as_far_as_it_goes_and_kept_aside(run_program: Callable[..., str], caplog: pytest.LogCaptureFixture) -> None:
    run_program("""
        from cacherator import JSONCache, Cached
        class Cache(JSONCache):
            @Cached()
            def f(self, x): return [x]
        c = Cache(data_id="damaged")
        for i in range(5): c.f(i)
        c.json_cache_save()
    """)
    text = damage(FOLDER / "damaged.json")
    again = Cache(data_id="damaged")
    assert again.f(3) == [3] and again.last_cache_status == "l1"
    assert again.f(2) == [2] and again.last_cache_status == "miss"
    assert "damaged" in caplog.text
    again.json_cache_save()
    assert [p.read_text() for p in FOLDER.glob("damaged.json.damaged-*")] == [text]


def test_what_a_running_program_knew_is_written_again_where_the_document_was_damaged(caplog: pytest.LogCaptureFixture) -> None:
    c = Cache(data_id="damaged")
    for i in range(5):
        c.f(i)
    c.json_cache_save()
    text = damage(FOLDER / "damaged.json")
    time.sleep(0.15)
    assert c.f(2) == [2] and c.last_cache_status == "l1" and "is damaged" in caplog.text
    c.json_cache_save()
    assert [p.read_text() for p in FOLDER.glob("damaged.json.damaged-*")] == [text]
    assert len(json.loads((FOLDER / "damaged.json").read_text())["_json_cache_func_cache"]) == 5


@pytest.mark.parametrize("kind", ["garbage", "folder", "fifo", "link to nowhere", "empty", "list"])
def test_a_document_that_is_none_never_stops_a_program(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    FOLDER.mkdir(parents=True)
    path = FOLDER / "odd.json"
    if kind == "garbage":
        path.write_bytes(os.urandom(1000))
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link to nowhere":
        path.symlink_to("/nowhere/at/all")
    elif kind == "list":
        path.write_text("[1, 2]")
    else:
        path.write_text("")
    c = Cache(data_id="odd")
    assert c.f(1) is c.f(1)
    c.json_cache_save()
    assert "odd.json" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_keeps_results_in_memory(own_folder: Path) -> None:
    FOLDER.mkdir(parents=True)
    FOLDER.chmod(0o555)
    c = Cache()
    assert c.f(1) is c.f(1)


def test_logging_off_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / "quiet.json").write_text("garbage")
    Cache(data_id="quiet", logging=False).f(1)
    assert caplog.text == ""


def test_a_forked_child_works_on_and_shares(own_folder: Path) -> None:
    c = Cache(data_id="forked")
    c.f(1)
    child = os.fork()
    if child == 0:
        try:
            c.f(2)
            os._exit(0 if c.f(1) == [1] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    c.f(2)
    assert c.last_cache_status == "l1"


def test_two_processes_see_each_others_results_and_clears(run_program: Callable[..., str]) -> None:
    c = Cache(data_id="two")
    c.f(1)
    program = """
        from cacherator import JSONCache, Cached
        class Cache(JSONCache):
            @Cached()
            def f(self, x): return [x]
        c = Cache(data_id="two")
        c.f(1); print(c.last_cache_status)
        c.f(2)
        c.json_cache_clear("f(1,){}")
    """
    assert run_program(program) == "l1"
    c.f(1)
    assert c.last_cache_status == "miss"
    c.f(2)
    assert c.last_cache_status == "l1"


def test_checked_hits_outlive_an_emptied_lock_file(run_program: Callable[..., str]) -> None:
    program = """
        from cacherator import JSONCache, Cached
        import glob, os
        class Cache(JSONCache):
            @Cached()
            def f(self, x): return [x]
        c = Cache(directory=os.environ["HITS"], hits=os.environ["HITS"])
        c.f(1)
        for path in glob.glob(os.environ["HITS"] + "/.cacherator-*.lock"): os.truncate(path, 0)
        print(c.f(1), c.last_cache_status)
    """
    assert run_program(program, HITS="checked") == "[1] l1"
    with pytest.raises(AssertionError, match=f"ended with -{signal.SIGBUS.value}"):  # what they are for
        run_program(program, HITS="mapped")


def test_checked_hits_see_the_clear_of_another_process(run_program: Callable[..., str]) -> None:
    c = Cache(data_id="two", hits="checked")
    c.f(1)
    c.f(1)
    assert c.last_cache_status == "l1"
    run_program("from cacherator import JSONCache; JSONCache(data_id='two').json_cache_clear('f')")
    c.f(1)
    assert c.last_cache_status == "miss"


def test_a_miss_takes_the_state_along_as_1_2_9_did(run_program: Callable[..., str]) -> None:
    program = """
        import os, signal
        from cacherator import JSONCache, Cached
        class Crawler(JSONCache):
            @Cached()
            def fetch(self, url): return "page"
            @Cached()
            async def later(self, url): return "page"
        c = Crawler(data_id="crawl")
        print(getattr(c, "seen", None), getattr(c, "last", None))
        c.seen = [1]
        c.fetch(os.getpid())
        import asyncio, time
        time.sleep(0.01)
        c.seen.append(2); c.last = "x"
        asyncio.run(c.later(os.getpid()))
        print(Crawler(data_id="crawl").seen, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
    """
    with pytest.raises(AssertionError, match=f"ended with -{signal.SIGTERM.value}"):
        run_program(program)
    again = JSONCache(data_id="crawl")
    assert (again.seen, again.last) == ([1, 2], "x")


def test_large_state_does_not_slow_misses_down() -> None:
    c = Cache(data_id="large")
    c.large = list(range(300_000))
    begin = time.perf_counter()
    c._save_state(touch=False, share=False)
    once = time.perf_counter() - begin
    begin = time.perf_counter()
    for i in range(300):
        c.large[0] = i
        c.f(i)
    assert time.perf_counter() - begin < 30 * once  # each time would be 300


def test_a_save_writes_all_variables_where_the_files_were_removed(own_folder: Path) -> None:
    c = JSONCache(data_id="s", directory="d")
    c.name, c.n = "x", 1
    c.json_cache_save()
    shutil.rmtree("d")
    c.n = 2
    c.json_cache_save()
    again = JSONCache(data_id="s", directory="d")
    assert (again.name, again.n) == ("x", 2)


def test_a_document_with_texts_that_are_no_UTF_8_is_read_as_far_as_it_goes() -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / "calc.json").write_bytes(
        b'{"_json_cache_func_cache": {"f(\xff,){}": {"value": 1, "date": "%b"}, "f(2,){}": {"value": [2], "date": "%b"}},\n'
        b'"_json_cache_last_save_date": "%b",\n"_json_cache_variable_cache": {"a\xff": 1, "b": "\xff", "c": 3}}' % ((datetime.now().isoformat().encode(),) * 3)
    )
    c = Cache(data_id="calc")
    assert c.f(2) == [2] and c.c == 3
    assert c.json_cache_stats()["functions"]["f"] >= 1 and c.cache_status and c._json_cache_func_cache is not None
    c.json_cache_save()
