"""Values that JSON cannot say: their tags, and back (docs/format.md, section 4). Loading imports nothing and runs no user's code
but the constructor of a dataclass or Enum that the program has loaded itself."""

from __future__ import annotations

import sys

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple, Union

_DEPTH = 512


def _named(cls: type) -> Union[Dict[str, str], None]:
    """`module:qualname` where that name leads back to the class."""
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return {"class": f"{cls.__module__}:{cls.__qualname__}"} if found is cls else None


def encode(value: Any) -> Union[str, Tuple[Any, ...]]:
    """(tag, value[, members beside it]) for a value that JSON cannot say, or why it cannot be written."""
    cls = type(value)
    made = _ENCODERS.get(f"{cls.__module__}.{cls.__qualname__}")
    if made is not None:
        return made(value)
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        name = _named(cls)
        if name is None or cls.__members__.get(value.name) is not value:
            return f"the class of {value!r} cannot be found again by its name"
        return "Enum", value.name, name
    if hasattr(cls, "__dataclass_fields__"):
        name = _named(cls)
        if name is None:
            return f"the dataclass {cls.__qualname__} cannot be found again by its name"
        fields = [f.name for f in cls.__dataclass_fields__.values() if f._field_type.name == "_FIELD"]
        return "dataclass", {field: getattr(value, field) for field in fields}, name
    if isinstance(value, tuple) and hasattr(cls, "_fields"):
        name = _named(cls)
        if name is None:
            return f"the named tuple {cls.__qualname__} cannot be found again by its name"
        return "namedtuple", list(value), name
    return f"a value of type {cls.__module__}.{cls.__qualname__} cannot be written as JSON"


def as_base(value: Any) -> Any:
    """State of a subclass of a type that JSON knows, as that type: so 1.2.9 saved it. None: of no such class."""
    for base, exact in _BASES:
        if isinstance(value, base) and type(value) is not base:
            return exact(value)
    return None


#: With conversions that a subclass cannot change.
_BASES: Tuple[Tuple[type, Any], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (dict, dict),
    (list, list),
    (tuple, tuple),
)


_FACTORIES = {kind.__name__: kind for kind in (int, float, str, bool, list, dict, set, tuple)}


def _defaultdict(value: Any) -> Union[str, Tuple[Any, ...]]:
    factory = value.default_factory
    if factory is not None and _FACTORIES.get(getattr(factory, "__name__", "")) is not factory:
        return "the factory of this defaultdict is none of Python's own types; return dict(...) of it"
    return "defaultdict", dict(value), {"factory": factory and factory.__name__}


def _sorted(items: Any) -> List[Any]:
    return sorted(items, key=_native.encode_or_repr)


def _base64(value: Any) -> str:
    import binascii

    return binascii.b2a_base64(bytes(value), newline=False).decode("ascii")


def _zoned(tag: str, value: Any) -> Union[str, Tuple[Any, ...]]:
    beside: Dict[str, Any] = {}
    if value.fold:
        beside["fold"] = 1
    zone = value.tzinfo
    if zone is not None:
        cls = type(zone)
        if (cls.__module__, cls.__qualname__) == ("zoneinfo", "ZoneInfo") and zone.key:
            beside["zone"] = zone.key
            value = value.replace(tzinfo=None)
        elif (cls.__module__, cls.__qualname__) != ("datetime", "timezone"):
            return f"a time zone of type {cls.__qualname__} cannot be written as JSON"
    return (tag, value.isoformat(), beside) if beside else (tag, value.isoformat())


def _path(value: Any) -> Tuple[Any, ...]:
    return "Path", str(value), {"class": type(value).__name__}


_ENCODERS: Dict[str, Callable[[Any], Union[str, Tuple[Any, ...]]]] = {
    "builtins.set": lambda v: ("set", _sorted(v)),
    "builtins.frozenset": lambda v: ("frozenset", _sorted(v)),
    "builtins.bytes": lambda v: ("bytes", _base64(v)),
    "builtins.bytearray": lambda v: ("bytearray", _base64(v)),
    "builtins.complex": lambda v: ("complex", [v.real, v.imag]),
    "datetime.datetime": lambda v: _zoned("datetime", v),
    "datetime.time": lambda v: _zoned("time", v),
    "datetime.date": lambda v: ("date", v.isoformat()),
    "datetime.timedelta": lambda v: ("timedelta", [v.days, v.seconds, v.microseconds]),
    "decimal.Decimal": lambda v: ("Decimal", str(v)),
    "uuid.UUID": lambda v: ("UUID", str(v)),
    "collections.OrderedDict": lambda v: ("OrderedDict", dict(v)),
    "collections.Counter": lambda v: ("Counter", dict(v)),
    "collections.defaultdict": _defaultdict,
    "collections.deque": lambda v: ("deque", list(v), {"maxlen": v.maxlen}),
}
for _module in ("pathlib", "pathlib._local"):
    for _name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        _ENCODERS[f"{_module}.{_name}"] = _path


# ---- back


def _class(beside: Dict[str, Any]) -> Any:
    name = beside.get("class")
    module, _, qualname = str(name).partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise ValueError(f"the class {name} is not loaded; import its module before the cache is read")
    return found


def _from_base64(text: str) -> bytes:
    import binascii

    return binascii.a2b_base64(text)


def _restore_time(cls: Any, text: str, beside: Dict[str, Any]) -> Any:
    value = cls.fromisoformat(text)
    if "zone" in beside:
        import zoneinfo

        value = value.replace(tzinfo=zoneinfo.ZoneInfo(beside["zone"]))
    return value.replace(fold=1) if beside.get("fold") else value


def _restore_enum(value: Any, beside: Dict[str, Any]) -> Any:
    cls = _class(beside)
    enum = sys.modules.get("enum")
    if enum is None or not issubclass(cls, enum.Enum) or value not in cls.__members__:
        raise ValueError(f"{beside.get('class')} has no member {value!r}")
    return cls.__members__[value]


def _restore_dataclass(value: Any, beside: Dict[str, Any]) -> Any:
    cls = _class(beside)
    fields = getattr(cls, "__dataclass_fields__", None)
    if fields is None or not isinstance(value, dict):
        raise ValueError(f"{beside.get('class')} is no dataclass")
    names = {f.name for f in fields.values() if f._field_type.name == "_FIELD"}
    if names != set(value):
        raise ValueError(f"the fields of {beside.get('class')} are not those that were stored")
    made = object.__new__(cls)
    for name, item in value.items():
        object.__setattr__(made, name, item)
    return made


def _restore_namedtuple(value: Any, beside: Dict[str, Any]) -> Any:
    cls = _class(beside)
    if not issubclass(cls, tuple) or len(getattr(cls, "_fields", ())) != len(value):
        raise ValueError(f"{beside.get('class')} is no named tuple of {len(value)} fields")
    return tuple.__new__(cls, value)


def _collections() -> Any:
    import collections

    return collections


def _restore_defaultdict(value: Any, beside: Dict[str, Any]) -> Any:
    factory = beside.get("factory")
    return _collections().defaultdict(None if factory is None else _FACTORIES[factory], value)


def restore(tag: str, value: Any, beside: Dict[str, Any]) -> Any:
    """The value behind a tag. ValueError: it cannot be restored (and is computed anew)."""
    try:
        return _RESTORERS[tag](value, beside)
    except KeyError:
        raise ValueError(f"the tag {tag!r} is not known to this version") from None
    except (TypeError, ArithmeticError, AttributeError) as error:
        raise ValueError(f"{tag}: {error}") from error


def _datetime() -> Any:
    import datetime

    return datetime


def _restore_path(text: str, beside: Dict[str, Any]) -> Any:
    import pathlib

    name = beside.get("class")
    if name not in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        raise ValueError(f"{name!r} is no class of pathlib")
    return getattr(pathlib, name)(text)


def _restore_decimal(text: str, _: Any) -> Any:
    import decimal

    return decimal.Decimal(text)


def _restore_uuid(text: str, _: Any) -> Any:
    import uuid

    return uuid.UUID(text)


_RESTORERS: Dict[str, Any] = {
    "tuple": lambda v, b: tuple(v),
    "set": lambda v, b: set(v),
    "frozenset": lambda v, b: frozenset(v),
    "bytes": lambda v, b: _from_base64(v),
    "bytearray": lambda v, b: bytearray(_from_base64(v)),
    "complex": lambda v, b: complex(*v),
    "float": lambda v, b: float(v),
    "dict": lambda v, b: {key: item for key, item in v},
    "datetime": lambda v, b: _restore_time(_datetime().datetime, v, b),
    "time": lambda v, b: _restore_time(_datetime().time, v, b),
    "date": lambda v, b: _datetime().date.fromisoformat(v),
    "timedelta": lambda v, b: _datetime().timedelta(*v),
    "Decimal": _restore_decimal,
    "UUID": _restore_uuid,
    "Path": _restore_path,
    "Enum": _restore_enum,
    "dataclass": _restore_dataclass,
    "namedtuple": _restore_namedtuple,
    "OrderedDict": lambda v, b: _collections().OrderedDict(v),
    "Counter": lambda v, b: _collections().Counter(v),
    "defaultdict": _restore_defaultdict,
    "deque": lambda v, b: _collections().deque(v, b.get("maxlen")),
}


def loads(text: str, plain: bool) -> Any:
    """JSON as Python's own reader takes it: NaN, integers of any size, lone surrogates."""
    import json

    try:
        value = json.loads(text)
        return value if plain else _untagged(value, 0)
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None


def _untagged(value: Any, depth: int) -> Any:
    if depth > 3 * _DEPTH:
        raise ValueError("the value is nested too deeply")
    if type(value) is list:
        return [_untagged(item, depth + 1) for item in value]
    if type(value) is not dict:
        return value
    if not isinstance(value.get("$cacherator"), str):
        return {key: _untagged(item, depth + 1) for key, item in value.items()}
    if "value" not in value:
        raise ValueError("a tagged value has no 'value'")
    if value["$cacherator"] == "object" and type(value["value"]) is dict:
        return {key: _untagged(item, depth + 1) for key, item in value["value"].items()}
    beside = {key: _untagged(item, depth + 1) for key, item in value.items() if key != "$cacherator"}
    return restore(value["$cacherator"], beside["value"], beside)
