"""Signals, the end of the interpreter, forks and other processes, amid the work of many."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, List

import pytest
from cacherator import Cached, JSONCache
from shared import Counted, run

# ---- signals


def test_an_interrupt_while_leading_is_the_leaders_alone(tmp_path: Path) -> None:
    done = run(
        """
        c, results = C(), []
        waiter = threading.Thread(target=lambda: (time.sleep(0.05), results.append(c.slow(1))))
        waiter.start()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            c.slow(1)
        except KeyboardInterrupt:
            results.append("interrupted")
        waiter.join()
        print(results, C.n, c.json_cache_stats()["total_entries"])
        """,
        tmp_path,
    )
    assert done.stdout == "['interrupted', 1] 2 1\n", done.stderr


def test_an_interrupt_while_waiting_is_heard_at_once_and_leaves_the_leader_alone(tmp_path: Path) -> None:
    done = run(
        """
        c, results = C(), []
        leader = threading.Thread(target=lambda: results.append(c.slow(1)))
        leader.start()
        time.sleep(0.05)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            c.slow(1)
        except KeyboardInterrupt:
            results.append("interrupted")
        leader.join()
        print(results, C.n, c.slow(1), C.n)
        """,
        tmp_path,
    )
    assert done.stdout == "['interrupted', 1] 1 1 1\n", done.stderr


def test_an_interrupt_of_an_event_loop_is_not_cached_and_harms_no_later_call(tmp_path: Path) -> None:
    done = run(
        """
        c = C()
        async def main():
            return await asyncio.gather(c.later(1), c.later(1))
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            print(asyncio.run(main()))
        except KeyboardInterrupt:
            print("interrupted", c.json_cache_stats()["total_entries"])
        print(asyncio.run(main()))
        """,
        tmp_path,
    )
    assert done.stdout == "interrupted 0\n[1, 1]\n", done.stderr


def test_an_exit_from_a_body_is_an_exit(tmp_path: Path) -> None:
    done = run(
        """
        class E(JSONCache):
            @Cached()
            def f(self):
                raise SystemExit(7)
        E().f()
        """,
        tmp_path,
    )
    assert done.returncode == 7 and done.stderr == ""


# ---- the end of the interpreter, forks, other processes


@pytest.mark.parametrize("what", ["c.f((k, i))", "c.json_cache_save()", "asyncio.run(c.soon((k, i)))", "c.cache_status; c.f(i)"])
def test_daemon_threads_that_call_do_not_trouble_the_end(what: str, tmp_path: Path) -> None:
    source = f"""
        c = C()
        def work(k):
            i = 0
            while True:
                {what}
                i += 1
        for k in range(4):
            threading.Thread(target=work, args=(k,), daemon=True).start()
        time.sleep(0.1)
        print("end")
    """
    for _ in range(4):
        done = run(source, tmp_path)
        assert (done.returncode, done.stdout, done.stderr[-300:]) == (0, "end\n", "")


def test_daemon_threads_that_lead_or_wait_do_not_trouble_the_end(tmp_path: Path) -> None:
    done = run(
        """
        c = C()
        c.f("kept")
        c.state = 1
        for k in range(4):
            threading.Thread(target=lambda: c.slow(1), daemon=True).start()
            threading.Thread(target=lambda: asyncio.run(c.later(1)), daemon=True).start()
        time.sleep(0.1)
        print("end")
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr[-300:]
    os.chdir(tmp_path)
    kept = JSONCache(data_id="C")
    assert kept.state == 1 and list(kept.cache_status) == ["f('kept',){}"]  # type: ignore[attr-defined]


def test_forks_from_a_process_of_busy_threads_work_on(tmp_path: Path) -> None:
    done = run(
        """
        c, stop = C(), threading.Event()
        def work(k):
            i = 0
            while not stop.is_set():
                c.f((k, i))
                i += 1
                if i % 20 == 0:
                    c.json_cache_save()
                time.sleep(0.0005)
        threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
        leader = threading.Thread(target=c.slow, args=(1,))
        [t.start() for t in [*threads, leader]]
        ends = []
        for n in range(12):
            time.sleep(0.01)
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                try:
                    for i in range(10):
                        c.f(("child", n, i))
                    c.slow(1)
                    c.json_cache_save()
                    os._exit(0 if c.cache_status[f"f(('child', {n}, 0),){{}}"] == "miss" else 1)
                finally:
                    os._exit(2)
            ends.append(os.waitpid(child, 0)[1])
        stop.set()
        [t.join() for t in [*threads, leader]]
        print(set(ends), all(c.f(("child", n, i)) == ("child", n, i) and c.last_cache_status == "l1" for n in range(12) for i in range(10)))
        """,
        tmp_path,
    )
    assert done.stdout == "{0} True\n", done.stderr[-500:]


def test_multiprocessing_of_every_kind_shares_its_results(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
        import multiprocessing, time
        from cacherator import JSONCache, Cached
        class C(JSONCache):
            @Cached()
            def f(self, x):
                with open("runs", "a") as runs:
                    runs.write(f"{x}\\n")
                time.sleep(0.05)
                return x * 2
        def by_data_id(x): return C(data_id="many").f(x)
        def by_object(both): return both[0].f(both[1])
        if __name__ == "__main__":
            c = C(data_id="many")
            c.f(100)
            for kind in multiprocessing.get_all_start_methods():
                with multiprocessing.get_context(kind).Pool(3) as pool:
                    print(pool.map(by_data_id, [0, 1, 2] * 3, chunksize=1), pool.map(by_object, [(c, 100), (c, 7)]))
            print(sorted({int(x) for x in open("runs")}), open("runs").read().count("100"), c.json_cache_stats()["total_entries"])
        """)
    )
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    line = "[0, 2, 4, 0, 2, 4, 0, 2, 4] [200, 14]\n"
    assert done.stdout == 3 * line + "[0, 1, 2, 7, 100] 1 5\n", done.stderr[-500:]


def test_processes_that_call_at_one_moment_compute_once(tmp_path: Path) -> None:
    done = run(
        """
        import multiprocessing
        fork = multiprocessing.get_context("fork")
        barrier, runs = fork.Barrier(3), fork.Value("i", 0)
        class D(JSONCache):
            @Cached()
            def f(self, x):
                with runs: runs.value += 1
                time.sleep(0.1)
                return x
        def work():
            d = D()
            for x in range(3):
                barrier.wait()
                d.f(x)
        workers = [fork.Process(target=work) for _ in range(3)]
        [w.start() for w in workers], [w.join() for w in workers]
        print(runs.value)
        """,
        tmp_path,
    )
    assert done.stdout == "3\n", done.stderr[-500:]


def test_tasks_wait_for_another_process_and_the_loop_goes_on(tmp_path: Path) -> None:
    done = run(
        """
        import asyncio, multiprocessing
        fork = multiprocessing.get_context("fork")
        runs, begun = fork.Value("i", 0), fork.Event()
        class D(JSONCache):
            @Cached()
            async def f(self, x):
                with runs: runs.value += 1
                begun.set()
                await asyncio.sleep(0.3)
                return x
        def work():
            asyncio.run(D().f(1))
        async def ask():
            d, ticks, tasks = D(), 0, []
            tasks = [asyncio.create_task(d.f(1)) for _ in range(20)]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0.01)
                ticks += 1
            return [task.result() for task in tasks] == [1] * 20, ticks > 5
        worker = fork.Process(target=work)
        worker.start(), begun.wait()
        print(asyncio.run(ask()), runs.value)
        worker.join()
        """,
        tmp_path,
    )
    assert done.stdout == "(True, True) 1\n", done.stderr[-500:]


def test_a_forked_child_that_ends_normally_saves_what_it_made(tmp_path: Path) -> None:
    done = run(
        """
        c = C()
        c.f("parent")
        child = os.fork()
        if child == 0:
            c.f("child")
            c.of_child = 1
            sys.exit(0)
        print(os.waitpid(child, 0)[1])
        """,
        tmp_path,
    )
    os.chdir(tmp_path)
    kept = JSONCache(data_id="C")
    assert done.stdout == "0\n" and set(kept.cache_status) == {"f('parent',){}", "f('child',){}"} and kept.of_child == 1  # type: ignore[attr-defined]


def test_a_signal_handler_may_make_cached_calls() -> None:
    c, seen = Counted(), []

    def handler(*_: Any) -> None:
        seen.append((c.slow("inside"), c.slow("known")))

    c.slow("known")
    old = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert c.slow("body") == ["body"]
        time.sleep(0.02)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert seen == [(["inside"], ["known"])]


def test_an_object_that_goes_while_its_call_is_computed_takes_nothing_with_it() -> None:
    runs: List[Any] = []
    held: List[Any] = []

    class C(JSONCache):
        @Cached()
        def slow(self, x: int) -> List[int]:
            runs.append(x)
            time.sleep(0.3)
            return [x]

        @Cached()
        async def later(self, x: int) -> List[int]:
            runs.append(x)
            await asyncio.sleep(0.3)
            return [x]

        @Cached()
        def last(self) -> str:
            held.clear()  # nothing but this call holds the object now
            gc.collect()
            return "kept"

    results: List[Any] = []
    threads = [threading.Thread(target=lambda: results.append(C(data_id="gone").slow(1))) for _ in range(6)]
    for thread in threads:
        thread.start()
    gc.collect()
    for thread in threads:
        thread.join()
    assert results == [[1]] * 6

    async def main() -> None:
        calls = [C(data_id="gone").later(2) for _ in range(6)]
        gc.collect()
        assert await asyncio.gather(*calls) == [[2]] * 6
        dropped = asyncio.ensure_future(C(data_id="gone").later(3))
        await asyncio.sleep(0.01)
        dropped.cancel()
        await asyncio.sleep(0.01)
        assert await C(data_id="gone").later(3) == [3]

    asyncio.run(main())
    assert runs == [1, 2, 3, 3]
    held.append(C(data_id="gone"))
    assert held[0].last() == "kept"
    assert C(data_id="gone").json_cache_stats() == {"total_entries": 4, "functions": {"slow": 1, "later": 2, "last": 1}}
