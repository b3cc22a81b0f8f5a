"""Contestants run by turns, best of several rounds: what a shared machine does to one it does to all."""

import resource
import time
from typing import Callable, Dict, List, Tuple, Union


def cpu() -> float:
    """Seconds that the processor has spent on this process, all its threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


Answer = Union[int, Tuple[int, float]]


def race(contestants: "Dict[str, Callable[[], Answer]]", rounds: int = 7, clock: "Callable[[], float]" = time.perf_counter) -> "Dict[str, float]":
    """Each contestant runs and answers how many calls it made, and in how many seconds where it measures itself; seconds a call, the best of the rounds."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, run in contestants.items():
            begin = clock()
            answer = run()
            calls, seconds = answer if isinstance(answer, tuple) else (answer, clock() - begin)
            best[name] = min(best[name], seconds / calls)
    return best


def show(title: str, best: "Dict[str, float]", targets: "List[Tuple[str, str, float]]") -> None:
    """targets: (ours, peer, the ratio to aim at)."""
    print(title)
    for name, seconds in best.items():
        print(f"  {name:<58} {seconds * 1e9:12,.0f} ns a call")
    for ours, peer, target in targets:
        ratio = best[ours] / best[peer]
        print(f"  {ours} / {peer}: {ratio:.3f} (to aim at: {target} or less){'' if ratio <= target else '  MISSED'}")
