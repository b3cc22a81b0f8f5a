"""JSONCache: the Python face of a cache. What is hot is native (`_native`); here is what is rare."""

from __future__ import annotations

import atexit
import weakref

from . import _native, _options
from ._settings import Settings, absolute, cache_of, offer_botocore, reopen, settings_of
from ._views import Views

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Literal, Optional

    from ._types import DbKeys, Info, Name, Seconds, Stats, Ttl

#: Names in an object's __dict__ that are the cache's own, not the user's state.
_OWN = frozenset({"_cacherator_state", "_excluded_cache_vars", "_dynamodb", "_dynamodb_enabled", "_save_on_del", "cache_status",
                  "last_cache_status"})  # fmt: skip

#: Living objects by id(): their state is saved at exit. Not a WeakSet: an object may be unhashable.
_living: "weakref.WeakValueDictionary[int, Any]" = weakref.WeakValueDictionary()


def _log(message: str) -> None:
    import logging

    logging.getLogger("cacherator").warning(message)


_native.set_log_sink(_log)


def _log_operation(message: str) -> None:
    import logging

    logging.getLogger("cacherator").info(message)


def _look_at_logger() -> None:
    """Operations are told where the logger wants them (INFO). Looked at when an object with a table is made, as the engine cannot ask."""
    import sys

    logging = sys.modules.get("logging")  # a program that has not imported it has set no level
    wanted = logging is not None and logging.getLogger("cacherator").isEnabledFor(logging.INFO)
    _native.set_operation_sink(_log_operation if wanted else None)


def open_for_object(self: Any, memory: _native.Memory) -> None:
    """Called by the hot path: the memory of this object has no cache yet."""
    if isinstance(self, JSONCache):
        cache_of(self)
    else:
        ttl = getattr(self, "_json_cache_ttl", 999)
        _native.configure(memory, None, _options.days(ttl, type(self).__name__))


def after_miss(self: Any) -> None:
    """Called by the hot path, though not at each miss: what 1.2.9 wrote with each result were the object's variables, too."""
    if isinstance(self, JSONCache) and getattr(self, "_json_cache_settings", None) is not None:
        try:
            self._save_state(touch=False, share=False)
        except Exception as error:
            _log_quietly(self, f"state could not be saved: {type(error).__name__}: {error}")


class JSONCache(Views):
    """Base class: methods decorated with `@Cached()` remember their results, and the object its state, in a JSON file.

    Every method may be called from any thread. Faults of files never raise; they are warnings of the logger `cacherator`.
    """

    if TYPE_CHECKING:
        _excluded_cache_vars: List[str]

    def __init__(
        self,
        data_id: Optional[Name] = None,
        directory: Name = "data/cache",
        clear_cache: bool = False,
        ttl: Ttl = 999,
        logging: bool = True,
        dynamodb_table: Optional[str] = None,
        save_on_del: bool = False,
        *,
        durability: Literal["process", "power"] = "process",
        single_flight_wait: Seconds = 60,
        single_flight: Literal["machine", "fleet"] = "machine",
        hits: Literal["mapped", "checked"] = "mapped",
        dynamodb_connect_timeout: Seconds = 1,
        dynamodb_timeout: Seconds = 3,
    ) -> None:
        """Opens the cache and restores the object's state.

        data_id: name of the cache (default: the class's name). directory: folder of its files. clear_cache: begin empty.
        ttl: days (or a timedelta) for which results and state count. logging: warnings of this object. dynamodb_table: a table
        of DynamoDB over which machines share the cache; it is made if it is missing. save_on_del: the object's end writes
        its state there, too. durability: "process" (a returned result survives kill -9) or "power" (and a
        loss of power). single_flight_wait: seconds (or a timedelta) that a call waits for another process that computes the same.
        single_flight: "machine" (its processes compute a call once) or "fleet" (all machines that share the table do).
        hits: how a hit learns of other processes' clears: "mapped" (from a mapped page, in nanoseconds) or "checked" (it reads the
        lock file, in about a microsecond; for folders whose lock file may be overwritten while the program runs).
        dynamodb_connect_timeout, dynamodb_timeout: seconds (or a timedelta) for a connection, and for one operation with its retries;
        of a table, those of the first object in the process count.
        Raises TypeError or ValueError where an argument cannot be used.
        """
        settings = Settings(self)
        settings.data_id = _options.text(data_id, "data_id", type(self).__name__)
        settings.directory = absolute(_options.directory(directory))
        settings.ttl = 999 if ttl is None else ttl  # as in 1.2.9, where every decorator has its own
        settings.logging = bool(logging)
        settings.save_on_del = bool(save_on_del)
        settings.power = _options.durability(durability)
        settings.checked_hits = _options.hits(hits)
        settings.single_flight_wait = _options.seconds(single_flight_wait, "single_flight_wait")
        settings.dynamodb_table = _options.table(dynamodb_table)
        settings.dynamodb_connect_timeout = _options.timeout(dynamodb_connect_timeout, "dynamodb_connect_timeout")
        settings.dynamodb_timeout = _options.timeout(dynamodb_timeout, "dynamodb_timeout")
        settings.dynamodb_enabled = bool(settings.dynamodb_table)
        if settings.dynamodb_enabled:
            offer_botocore()
            _look_at_logger()
        settings.fleet = _options.single_flight(single_flight, dynamodb_table)
        self._excluded()
        object.__setattr__(self, "_json_cache_settings", settings)
        reopen(self, bool(clear_cache))
        _living[id(self)] = self
        if not clear_cache:
            self._restore_state()

    def __setstate__(self, state: Any) -> None:
        """A copy, or what comes out of a pickle, is saved at exit like any other."""
        attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        vars(self).update(attributes or {})
        for name, value in (slots or {}).items():
            object.__setattr__(self, name, value)
        _living[id(self)] = self

    # ---- state

    def _restore_state(self) -> None:
        settings, cache = settings_of(self), cache_of(self)
        cache.load_state()
        saved = cache.state_saved()
        if not saved or saved + _options.days(settings.ttl, "") * 86400 <= _now():
            return
        excluded = self._excluded()
        for name, (value, json, plain, fault) in cache.state().items():
            if fault is not None:
                cache.warn(f"the variable {name!r} of {settings.data_id!r} cannot be restored: {fault}")
                continue
            if name in _OWN or name.startswith("_json_cache") or name in excluded:
                continue
            if isinstance(getattr(type(self), name, None), property):
                continue
            try:
                object.__setattr__(self, name, value) if _frozen(self) else setattr(self, name, value)
            except Exception as error:
                cache.warn(f"the variable {name!r} of {settings.data_id!r} cannot be restored: {type(error).__name__}: {error}")
                continue
            if not plain:
                settings.loaded[name] = json

    def _excluded(self) -> "tuple[Any, ...]":
        return _options.names(getattr(self, "_excluded_cache_vars", ()), "_excluded_cache_vars")

    def _state_texts(self) -> Dict[str, str]:
        """name -> JSON text of each variable that is saved."""
        excluded = self._excluded()
        texts = {}
        for name, value in list(vars(self).items()):
            if type(name) is not str or name in _OWN or name.startswith("_json_cache") or name in excluded:
                continue
            if isinstance(getattr(type(self), name, None), property):
                continue
            try:
                texts[name] = _native.encode(value, as_base=True)
            except Exception as error:
                self._warn_unsaved(name, error)
        return texts

    def _warn_unsaved(self, name: str, error: Exception) -> None:
        if name.startswith("_") and not isinstance(error, ValueError):
            return
        message = str(error).lstrip(": ") or type(error).__name__
        data_id = settings_of(self).data_id
        cache_of(self).warn(
            f"the variable {name!r} of {data_id!r} is not saved: {message}. To leave it out in silence: "
            f"self._excluded_cache_vars = [{name!r}]",
            f"unsaved {data_id} {name}",
        )

    def _save_state(self, touch: bool, share: bool) -> None:
        """Writes the variables that changed since they were loaded or saved here; `share`: into the table, too."""
        settings = settings_of(self)
        texts = self._state_texts()
        changed = {name: json for name, json in texts.items() if settings.loaded.get(name) != json}
        present = vars(self)
        gone = [name for name in settings.loaded if name not in present]
        share = share and settings.dynamodb_enabled
        if changed or gone or (touch and texts) or share:
            cache_of(self).save_state(changed, gone, touch and bool(texts), share)
            settings.loaded = texts
            if touch and len(texts) > len(changed) and cache_of(self).info()["variables"] <= len(changed):
                cache_of(self).save_state(texts, [], True, share)  # the files were removed, or cleared

    def json_cache_save(self) -> None:
        """Saves the object's state, and brings the document up to date. Never raises for what the files do."""
        try:
            self._save_state(touch=True, share=True)
            cache_of(self).checkpoint()
        except OSError as error:
            cache_of(self).warn(f"saving {settings_of(self).data_id!r}: {error}")

    def json_cache_save_db(self) -> None:
        """Deprecated: the same as json_cache_save()."""
        import warnings

        warnings.warn("json_cache_save_db() is deprecated; json_cache_save() does all it did", DeprecationWarning, stacklevel=2)
        self.json_cache_save()

    def _finalize_cache(self) -> None:
        """The object goes: its state is written. Never raises."""
        if getattr(self, "_json_cache_settings", None) is not None:
            self._json_cache_save_l1()

    def _json_cache_save_l1(self) -> None:
        try:
            self._save_state(touch=False, share=settings_of(self).save_on_del)
        except Exception as error:
            _log_quietly(self, f"state could not be saved: {type(error).__name__}: {error}")

    def __del__(self) -> None:
        try:
            self._finalize_cache()
        except Exception:
            pass  # the interpreter may be half gone; what could be saved was saved by _at_exit

    # ---- entries

    def json_cache_clear(self, function_name: Optional[str] = None) -> None:
        """Forgets all results (also: "*"), those of one function, or the one call of exactly this signature; on disk when it returns."""
        if function_name is not None and not isinstance(function_name, str):
            raise TypeError(f"json_cache_clear({function_name!r}): give the name of a function, the signature of a call, or nothing for all")
        cache = cache_of(self)
        memory = _native.memory_of(self)
        try:
            if not function_name or function_name == "*":
                function_name = None
                cache.clear("*")
            elif "(" in function_name:
                cache.drop(_native.shorten(function_name))
                function_name = _native.shorten(function_name)
            else:
                cache.clear(function_name)
        except OSError as error:
            cache.warn(str(error))
        _native.forget(memory, function_name)

    def json_cache_stats(self) -> Stats:
        """{'total_entries': n, 'functions': {name: n}}"""
        functions: Dict[str, int] = {}
        signatures = self._signatures()
        for signature in signatures:
            name = signature.split("(")[0]
            functions[name] = functions.get(name, 0) + 1
        return {"total_entries": len(signatures), "functions": functions}

    def json_cache_info(self) -> Info:
        """Figures of this cache and this object: entries, bytes, faults, and hits and misses of each function."""
        info = dict(cache_of(self).info())
        info["functions"] = _native.counts(_native.memory_of(self))
        return info  # type: ignore[return-value]

    def json_cache_list_db_keys(self, limit: int = 100, last_key: Optional[str] = None) -> DbKeys:
        """Caches stored in the table, a page at a time: {'keys': [...], 'last_key': ...}; none without a table.

        last_key: of the page before, None for the first one. What cannot be had is a warning, and an empty page.
        """
        limit = _options.page(limit, last_key)
        try:
            return cache_of(self).list_db_keys(limit, None if last_key is None else _options.storable(last_key))
        except OSError as error:
            cache_of(self).warn(str(error))
            return {"keys": [], "last_key": None}

    def _signatures(self) -> List[str]:
        stored = cache_of(self).signatures()
        own = _native.values(_native.memory_of(self))
        return stored + sorted(set(own).difference(stored)) if len(own) else stored

    @property
    def cache_status(self) -> Dict[str, str]:
        """signature -> "l1", "l2" or "miss": for all that is stored, and for each call that this object made."""
        status = dict.fromkeys(cache_of(self).signatures(), "l1")
        status.update(_native.statuses(_native.memory_of(self)))
        return status

    @cache_status.setter
    def cache_status(self, value: Any) -> None:
        pass  # kept by the cache itself; assigning to it, as subclasses of 1.2.9 may, changes nothing

    @property
    def last_cache_status(self) -> Optional[str]:
        """Of this object's most recent cached call; None before the first one."""
        memory = _native.memory_of(self)
        return None if memory is None else _native.last_status(memory)

    @last_cache_status.setter
    def last_cache_status(self, value: Any) -> None:
        pass

    @classmethod
    def set_logging(cls, enabled: bool) -> None:
        """Switches the warnings of all caches on or off."""
        JSONCache._global_logging = bool(enabled)
        _native.set_logging(JSONCache._global_logging)

    def __str__(self) -> str:
        return self._json_cache_data_id

    def __repr__(self) -> str:
        return self._json_cache_data_id


def _now() -> float:
    import time

    return time.time()


def _frozen(self: Any) -> bool:
    parameters = getattr(type(self), "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def _log_quietly(self: Any, message: str) -> None:
    try:
        cache_of(self).warn(message)
    except Exception:
        pass


@atexit.register
def _at_exit() -> None:
    for living in list(_living.values()):
        living._finalize_cache()
    _native.flush()
