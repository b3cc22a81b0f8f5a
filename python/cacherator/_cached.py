"""Cached: the decorator."""

from __future__ import annotations

from . import _native, _options
from ._names import Identity, data_id_of, without_scope
from ._settings import Settings, absolute, open_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Tuple, overload

    from ._types import ClassMethod, Function, Name, Ttl
else:

    def overload(function):
        """typing's, without the cost of importing it."""
        return function


def open_for_function(function: Any, cls: Optional[type], memory: _native.Memory) -> None:
    """Called by the hot path: a function, class method or static method is called for the first time."""
    settings = Settings(function)
    name: Identity = function._cacherator_name
    directory, data_id = function._cacherator_home
    settings.directory = absolute(directory or settings.directory)
    settings.data_id = data_id or (data_id_of(function.__wrapped__) if cls is None else without_scope(cls.__qualname__))
    cache = open_cache(settings)
    if cls is not None or name.owns():
        _native.configure(memory, cache, 999.0)
    else:
        cache.warn(
            f"{name.full} has the name of another function, or captures other values than one that was made before: it is remembered "
            "in memory only. Give it a cache of its own, @Cached(data_id=...) (below a decorator: functools.wraps gives it its name)",
            name.full,
        )


def _check_function(function: Any) -> None:
    if isinstance(function, property):
        raise TypeError("@Cached() goes below @property: put @property on the line above @Cached()")
    if isinstance(function, type):
        raise TypeError(f"@Cached() remembers calls of functions and methods; {function.__name__} is a class")
    if not hasattr(function, "__code__"):
        raise TypeError(f"@Cached() needs a function written in Python; {function!r} is none (wrap it in one: def f(...): ...)")


class Cached:
    """Remembers what a function returns: `@Cached()`, `@Cached(ttl=7)` or bare `@Cached`, on methods, async methods, functions,
    class methods and static methods.

    ttl: days or a timedelta (default: the class's). clear_cache: the first call of each signature in a process computes.
    key: a function of the same arguments whose result names the call. directory, data_id: where a plain function's results go.
    """

    ttl: Optional[Ttl]
    clear_cache: bool
    _days: float
    _key: Optional[Callable[..., Any]]
    _home: Tuple[Optional[str], Optional[str]]

    @overload
    def __new__(
        cls,
        ttl: Optional[Ttl] = None,
        clear_cache: bool = False,
        *,
        key: Optional[Callable[..., Any]] = None,
        directory: Optional[Name] = None,
        data_id: Optional[Name] = None,
    ) -> Cached: ...
    @overload
    def __new__(cls, ttl: ClassMethod) -> ClassMethod: ...  # type: ignore[misc]
    @overload
    def __new__(cls, ttl: Function) -> Function: ...  # type: ignore[misc]
    def __new__(
        cls,
        ttl: Any = None,
        clear_cache: bool = False,
        *,
        key: Any = None,
        directory: Any = None,
        data_id: Any = None,
    ) -> Any:
        bare = callable(ttl) or isinstance(ttl, (classmethod, staticmethod, property))
        made = super().__new__(cls)
        made.ttl = None if bare else ttl
        made.clear_cache = bool(clear_cache)
        made._days = float("nan") if made.ttl is None else _options.days(ttl, "@Cached()")
        if key is not None and not callable(key):
            raise TypeError(f"@Cached(key={key!r}): key is a function of the call's arguments")
        made._key = key
        made._home = (
            None if directory is None else _options.directory(directory),
            None if data_id is None else _options.text(data_id, "data_id", ""),
        )
        return made(ttl) if bare else made

    @overload
    def __call__(self, function: ClassMethod) -> ClassMethod: ...
    @overload
    def __call__(self, function: Function) -> Function: ...
    def __call__(self, function: Any) -> Any:
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(self(function.__func__))
        _check_function(function)
        code = function.__code__
        is_async = bool(code.co_flags & 0x180)  # CO_COROUTINE, CO_ITERABLE_COROUTINE
        if code.co_flags & 0x220:  # generators, async or not
            raise TypeError(
                f"@Cached(): {function.__qualname__} is a generator, whose results are used up by the first caller; return a list"
            )
        made = _native.CachedFunction(function, self._days, self.clear_cache, is_async, self._key)
        made._cacherator_home = self._home
        made._cacherator_name = Identity(function, self._key, self._home)
        return made
