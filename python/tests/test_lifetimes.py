"""Any way to copy, pickle and lose an object."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any, Callable, List

import pytest
from cacherator import Cached, JSONCache
from shared import Point

# ---- copies and pickles


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["copy", "deepcopy", "pickle"])
def test_a_copy_knows_what_is_stored_and_remembers_on_its_own(make: Callable[[Any], Any]) -> None:
    p = Point("copied")
    first = p.f(1)
    q = make(p)
    assert q.name == "copied" and q.json_cache_stats() == {"total_entries": 1, "functions": {"f": 1}}
    assert q.f(1) == first and q.last_cache_status == "l1"
    q.f(2)
    assert p.last_cache_status == "miss" and q.last_cache_status == "miss"
    assert p.f(2) == [2] and p.last_cache_status == "l1"
    ref = weakref.ref(p)
    del p
    assert ref() is None and q.f(1) == [1]


def test_every_protocol_of_pickle_serves() -> None:
    p = Point("pickled")
    p.f(1)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(p, protocol)).f(1) == [1]


def test_a_pickle_says_nothing_of_remembered_results() -> None:
    p = Point("slim")
    p.f(123456789)
    assert b"Memory" in pickle.dumps(p) and (123456789).to_bytes(4, "little") not in pickle.dumps(p)


def test_attributes_given_to_another_object_do_not_carry_its_memory() -> None:
    class Holder:
        def __init__(self, x: int) -> None:
            self.x = x

        @Cached()
        def f(self) -> List[int]:
            return [self.x]

    a, b = Holder(1), Holder(2)
    assert a.f() == [1]
    vars(b).update({**vars(a), "x": 2})
    assert b.f() == [2] and a.f() == [1]


def test_a_new_object_at_the_address_of_a_dead_one_has_no_memory_of_it() -> None:
    class Holder:
        def __init__(self, x: int) -> None:
            self.x = x

        @Cached()
        def f(self) -> int:
            return self.x

    kept = []
    for i in range(2000):
        holder = Holder(i)
        kept.append(vars(holder))
        assert holder.f() == i


def test_the_ttl_of_a_copy_is_its_own() -> None:
    a = Point("ttl")
    b = copy.copy(a)
    b._json_cache_ttl = 5
    assert (a._json_cache_ttl, b._json_cache_ttl) == (999, 5)


# ---- life and death


def test_state_is_saved_with_the_last_reference_and_by_the_collector() -> None:
    a = JSONCache(data_id="dies")
    a.x = 5  # type: ignore[attr-defined]
    ref = weakref.ref(a)
    del a
    assert ref() is None and JSONCache(data_id="dies").x == 5  # type: ignore[attr-defined]
    b = JSONCache(data_id="cycle")
    b.x, b._b = 6, b  # type: ignore[attr-defined]
    ref = weakref.ref(b)
    del b
    gc.collect()
    assert ref() is None and JSONCache(data_id="cycle").x == 6  # type: ignore[attr-defined]


def test_state_is_saved_at_exit_wherever_the_object_is_held(run_program: Callable[..., str]) -> None:
    run_program("""
        import builtins, copy, functools, pickle, sys
        from cacherator import JSONCache
        class S(JSONCache):
            pass
        def make(data_id):
            s = S(data_id=data_id)
            s.x = data_id
            return s
        in_module = make("in module")
        builtins.held = make("in builtins")
        sys.kept = [make("in a list"), lambda: in_module]
        loop = make("in a loop")
        loop._me = loop
        S.of_class = make("of class")
    """)
    for data_id in ("in module", "in builtins", "in a list", "in a loop", "of class"):
        assert getattr(JSONCache(data_id=data_id), "x", None) == data_id


@pytest.mark.parametrize("make", ["pickle.loads(pickle.dumps(first))", "copy.copy(first)"])
def test_state_of_a_copy_is_saved_at_exit(make: str, run_program: Callable[..., str]) -> None:
    run_program(f"""
        import copy, pickle, sys
        from cacherator import JSONCache
        first = JSONCache(data_id="copied")
        second = {make}
        del first
        second.x = 1
        sys.kept = [second]
    """)
    assert getattr(JSONCache(data_id="copied"), "x", None) == 1


def test_an_object_that_comes_back_from_its_end_works_on() -> None:
    saved: List[Any] = []

    class Again(JSONCache):
        def __del__(self) -> None:
            if not saved:
                saved.append(self)
            super().__del__()

        @Cached()
        def f(self) -> List[int]:
            return [1]

    a = Again()
    value = a.f()
    del a
    b = saved[0]
    assert b.f() == value and b.f() is b.f()


def test_a_cached_call_holds_neither_its_object_nor_after_a_clear_its_result() -> None:
    class Value:
        pass

    class Maker(JSONCache):
        @Cached()
        def make(self) -> Value:
            return Value()

    m = Maker(logging=False)
    ref = weakref.ref(m.make())
    assert ref() is not None
    m.json_cache_clear()
    assert ref() is None
    ref = weakref.ref(m.make())
    owner = weakref.ref(m)
    del m
    assert owner() is None and ref() is None


def test_a_result_named_by_an_object_goes_with_that_object() -> None:
    class Session:
        pass

    class Value:
        pass

    class Maker(JSONCache):
        @Cached()
        def make(self, session: Session) -> Value:
            return Value()

    m, session = Maker(logging=False), Session()
    ref = weakref.ref(m.make(session))
    assert ref() is not None
    del session
    gc.collect()
    assert ref() is None


def test_a_class_is_collected_though_a_class_method_of_its_base_was_called_on_it() -> None:
    class Base(JSONCache):
        @classmethod
        @Cached()
        def f(cls) -> int:
            return 1

    derived = type("Derived", (Base,), {})
    assert derived.f() == 1
    ref = weakref.ref(derived)
    del derived
    gc.collect()
    assert ref() is None


def test_a_class_and_a_function_made_at_run_time_are_collected() -> None:
    class Local(JSONCache):
        @Cached()
        def f(self) -> int:
            return 1

        @classmethod
        @Cached()
        def g(cls) -> int:
            return 1

    @Cached()
    def function(x: int) -> int:
        return x

    Local().f(), Local.g(), function(1)
    refs = [weakref.ref(Local), weakref.ref(function.__wrapped__)]  # type: ignore[attr-defined]
    del Local, function
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_results_that_call_back_when_they_go_do_no_harm() -> None:
    """Clearing, replacing and listing run users' code: __del__ of a result, or the garbage collector."""

    class Late:
        def __init__(self, owner: Any, act: Callable[[Any], Any]) -> None:
            self.owner, self.act = owner, act

        def __del__(self) -> None:
            self.act(self.owner)

    class C(JSONCache):
        @Cached(ttl=0.001 / 86400)
        def soon_old(self, act: Any) -> Any:
            return Late(self, act)

        @Cached()
        def keep(self, x: int, act: Any = None) -> Any:
            return Late(self, act) if act else x

    for i in range(8):
        setattr(C, f"g{i}", Cached()(eval(f"lambda self, x: {i}")))
        getattr(C, f"g{i}").__set_name__(C, f"g{i}")
    c = C(logging=False)

    def clear(owner: Any) -> None:
        owner.json_cache_clear()

    def use(owner: Any) -> None:
        for i in range(8):
            getattr(owner, f"g{i}")(1)
        for x in range(50):
            owner.keep(x)

    for _ in range(30):
        c.soon_old(clear)
        c.keep(1, use)
        c.json_cache_clear("keep")
    threshold = gc.get_threshold()
    try:
        for _ in range(10):
            garbage: Any = Late(c, use)
            garbage.me = garbage
            del garbage
            gc.set_threshold(1)
            assert isinstance(c.cache_status, dict) and isinstance(c._json_cache_func_cache, dict)
            gc.set_threshold(*threshold)
    finally:
        gc.set_threshold(*threshold)
    assert c.keep(3) == 3
