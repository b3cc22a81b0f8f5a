"""What an object's constructor was given, and the cache that goes with it."""

from __future__ import annotations

import os

from . import _native, _options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from ._types import Ttl


class Settings:
    """What an object's constructor was given; kept in the object's __dict__ as `_json_cache_settings`."""

    __slots__ = ("owner", "data_id", "directory", "ttl", "logging", "save_on_del", "power", "checked_hits", "single_flight_wait",
                 "dynamodb_table", "dynamodb_connect_timeout", "dynamodb_timeout", "dynamodb_enabled", "fleet", "loaded")  # fmt: skip

    def __init__(self, owner: object) -> None:
        self.owner = id(owner)  #: a copy of the owner comes with the owner's settings, until it asks for its own
        self.data_id = type(owner).__name__
        self.directory = "data/cache"
        self.ttl: Ttl = 999
        self.logging = True
        self.save_on_del = False
        self.power = False
        self.checked_hits = False
        self.single_flight_wait = 60.0
        self.dynamodb_table = ""  #: none
        self.dynamodb_connect_timeout = 1.0
        self.dynamodb_timeout = 3.0
        self.dynamodb_enabled = False  #: programs for 1.2.9 switch it
        self.fleet = False
        self.loaded: Dict[str, str] = {}

    def of(self, owner: object) -> Settings:
        """A copy, for a copy of the owner."""
        made = _restore({name: getattr(self, name) for name in self.__slots__})
        made.owner = id(owner)
        return made

    def __reduce__(self) -> Any:
        values = {name: getattr(self, name) for name in self.__slots__}
        values["owner"] = 0
        return _restore, (values,)


def _restore(values: Dict[str, Any]) -> Settings:
    settings = Settings.__new__(Settings)
    for name, value in values.items():
        setattr(settings, name, dict(value) if name == "loaded" else value)
    return settings


def absolute(directory: str) -> str:
    """The folder as it is now, or as it is named where there is no current folder."""
    try:
        return os.path.abspath(directory)
    except FileNotFoundError:
        return directory


def offer_botocore() -> None:
    """Credentials that the engine does not find itself are looked for by botocore, where that is installed: in a program of its own."""
    import sys

    if sys.executable and any(os.path.isdir(os.path.join(path, "botocore")) for path in sys.path):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_botocore.py")
        _native.set_credentials_program([sys.executable, program], "botocore")


def open_cache(settings: Settings, clear: bool = False) -> _native.Cache:
    return _native.open(
        _options.storable(settings.data_id),
        os.fsencode(settings.directory),
        _options.incumbent_stem(settings.data_id),
        clear,
        settings.logging,
        settings.power,
        settings.checked_hits,
        settings.single_flight_wait,
        settings.dynamodb_table if settings.dynamodb_enabled else "",
        settings.dynamodb_connect_timeout,
        settings.dynamodb_timeout,
        settings.fleet,
    )


def settings_of(self: Any) -> Settings:
    """The settings of an object, made from the defaults where its class did not call JSONCache.__init__."""
    # Not by way of __dict__: an object whose __dict__ was made has slower attributes for good (CPython 3.11 and newer).
    found: Optional[Settings] = getattr(self, "_json_cache_settings", None)
    if found is None:
        found = Settings(self)
        found.directory = absolute(found.directory)
    elif found.owner != id(self):
        found = found.of(self)
    else:
        return found
    object.__setattr__(self, "_json_cache_settings", found)
    return found


def cache_of(self: Any) -> _native.Cache:
    """The cache of a JSONCache, opened if it was not yet."""
    memory = _native.memory_of(self)
    found = None if memory is None else _native.cache_of(memory)
    return reopen(self) if found is None else found


def reopen(self: Any, clear: bool = False) -> _native.Cache:
    """Opens the cache that the object's settings name now."""
    settings, memory = settings_of(self), _native.memory_of(self)
    if memory is None:
        raise TypeError(f"{type(self).__name__} cannot keep a cache: its objects have no __dict__ or no __weakref__")
    days = _options.days(settings.ttl, type(self).__name__)
    opened = open_cache(settings, clear)
    _native.configure(memory, opened, days)
    return opened
