"""The names of plain functions; and which of several functions of one name it belongs to.

A name is in use by the function that was decorated first. Another one goes on under it where it is the same function made once more
(a notebook's cell, a reload); where it is not, what it returns must not be mixed with what the first one returned.
"""

from __future__ import annotations

import os
import sys
import types
import weakref

from . import _native
from ._settings import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple


def without_scope(qualname: str) -> str:
    """`Outer.Inner` of `function.<locals>.Outer.Inner`."""
    return qualname.rpartition("<locals>.")[2]


def data_id_of(function: Any) -> str:
    """`module.function`; `Class` of a static method."""
    cls = without_scope(function.__qualname__).rpartition(".")[0]
    if cls:
        return cls
    module = function.__module__
    if module == "__main__":
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        module = os.path.splitext(os.path.basename(main))[0] if main else "__main__"
    return f"{module}.{function.__qualname__}"


class Identity:
    """What a decorated function is called, and what tells it from others that are called so."""

    def __init__(self, function: Any, key: Any, home: Tuple[Optional[str], Optional[str]]) -> None:
        self.function = weakref.ref(function)
        self.full = f"{function.__module__}.{function.__qualname__}"
        self.many = "<" in self.full  #: of a function in a function, or a lambda: there may be many at once
        self.where = (absolute(home[0] or "data/cache"), home[1] or data_id_of(function), function.__name__)
        self.shared = home[1] is not None  #: by whoever names the same cache
        self.code = function.__code__
        self.maker = self._find_maker()
        self.key = key
        self.captured: Optional[List[Any]] = None
        known = _owners.get(self.where)
        if known is None or (known.function() is None and known.captured is None):
            _owners[self.where] = self

    def _find_maker(self) -> types.CodeType:
        """The code that decorates: a module's as a whole, for what a module has one of."""
        frame: Any = sys._getframe(2)
        while frame.f_back and (frame.f_globals.get("__package__") == __package__ or not (self.many or frame.f_code.co_name == "<module>")):
            frame = frame.f_back
        code: types.CodeType = frame.f_code
        return code

    def capture(self) -> List[Any]:
        """What the function holds besides its code, as it is at the first call."""
        function = self.function()
        if self.captured is None and function is not None:
            self.captured = []
            _capture(function, function, self.captured)
            if self.key is not None:
                _append(self.key, function, self.captured)
                self.key = None  # it may hold much, and this lives on
        return self.captured or []

    def owns(self) -> bool:
        """At the first call: True where what is stored under the name is this function's."""
        owner = _owners[self.where]
        if owner is not self and (owner.function() is not None or (owner.many and owner.captured is not None)):
            equal = _equal(self.capture(), owner.capture())
            same = self.code == owner.code and equal and (self.full == owner.full or self.shared)
            made_anew = self.full == owner.full and self.maker is not owner.maker and (equal or not self.many)
            if not (same or made_anew):
                return False
        self.capture()  # for those that come when it is gone
        _owners[self.where] = self
        return True


_owners: Dict[Tuple[str, str, str], Identity] = {}


def _capture(holder: Any, function: Any, out: List[Any]) -> None:
    for cell in holder.__closure__ or ():
        try:
            _append(cell.cell_contents, function, out)
        except ValueError:
            out.append("empty")
    for default in (*(holder.__defaults__ or ()), *(holder.__kwdefaults__ or {}).values()):
        if holder is not function or not isinstance(_text(default), str):  # else calls are named by it
            _append(default, function, out)


def _append(value: Any, function: Any, out: List[Any]) -> None:
    wrapped = value.__wrapped__ if type(value) is _native.CachedFunction else value
    if wrapped is function:
        out.append("itself")
    elif isinstance(wrapped, types.FunctionType) and "<" not in wrapped.__qualname__:
        out.append(f"{wrapped.__module__}.{wrapped.__qualname__}")
    elif isinstance(wrapped, types.FunctionType) and not any(wrapped.__code__ is known for known in out):
        out.append(wrapped.__code__)
        _capture(wrapped, function, out)
    else:
        out.append(_text(wrapped))


def _text(value: Any) -> Any:
    """The value's text; for one that only its address names, a weak reference, or what equals nothing."""
    try:
        return _native.render(value, 0)
    except Exception:
        try:
            return weakref.ref(value)
        except TypeError:
            return object()


def _equal(some: List[Any], others: List[Any]) -> bool:
    return len(some) == len(others) and all(map(_same, some, others))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, weakref.ref) and isinstance(other, weakref.ref):
        return one() is not None and one() is other()
    return bool(one == other)
