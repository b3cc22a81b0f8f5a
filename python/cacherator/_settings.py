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

    __slots__ = ("owner", "data_id", "directory", "ttl", "logging", "save_on_del", "power", "dynamodb_table", "loaded")

    def __init__(self, owner: object) -> None:
        self.owner = id(owner)  #: a copy of the owner comes with the owner's settings, until it asks for its own
        self.data_id = type(owner).__name__
        self.directory = "data/cache"
        self.ttl: Ttl = 999
        self.logging = True
        self.save_on_del = False
        self.power = False
        self.dynamodb_table: Optional[str] = None
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


def open_cache(settings: Settings, clear: bool = False) -> _native.Cache:
    return _native.open(
        _options.storable(settings.data_id),
        os.fsencode(settings.directory),
        _options.incumbent_stem(settings.data_id),
        clear,
        settings.logging,
        settings.power,
    )
