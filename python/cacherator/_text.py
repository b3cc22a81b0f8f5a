"""Texts of arguments in signatures, for the types that the native part does not know by itself."""

from __future__ import annotations

import datetime
import sys
import types

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

#: Types whose repr says type and value, the same in every process.
_CLEAR = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone)
#: The same, known by name so that their modules need not be imported.
_CLEAR_NAMES = {
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
    ("uuid", "UUID"),
    ("zoneinfo", "ZoneInfo"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "PureWindowsPath"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("pathlib._local", "PurePosixPath"),
    ("pathlib._local", "PureWindowsPath"),
    ("pathlib._local", "PosixPath"),
    ("pathlib._local", "WindowsPath"),
}


_BASES = (str, bytes, int, float, tuple, list, dict, set, frozenset)
#: Their values as the built-in type, whatever a subclass's own conversions say.
_EXACT: Dict[type, Any] = {str: str.__str__, int: int.__int__, float: float.__float__}


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _module_level(thing: Any) -> Optional[str]:
    """`module.qualname` of a class or function, if that name leads back to it."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    found: Any = module
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    return f"{thing.__module__}.{thing.__qualname__}" if found is thing else None


def has_clear_repr(value: object) -> bool:
    """True for types whose repr alone tells type and value: what 1.2.9 wrote for them is not ambiguous."""
    cls = type(value)
    if cls in _CLEAR or (cls.__module__, cls.__qualname__) in _CLEAR_NAMES:
        return True
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(value, enum.Enum) and cls.__repr__ is enum.Enum.__repr__


def render(value: Any, depth: int) -> Optional[str]:
    """The canonical text of `value`, or None where only its address tells it (or a part of it) from another."""
    try:
        return _render(value, depth)
    except _native.NoText:
        return None


def _render(value: Any, depth: int) -> Optional[str]:
    cls = type(value)
    key = getattr(cls, "__cache_key__", None)
    if key is not None:
        return f"{_name(cls)}({_native.render(key(value), depth)})"
    if cls is complex:
        return f"complex({_native.render(value.real, depth)}, {_native.render(value.imag, depth)})"
    if cls in (bytearray, range, type(NotImplemented), type(...)):
        return repr(value)
    if cls is slice:
        return f"slice({_native.render((value.start, value.stop, value.step), depth)})"
    if cls in _CLEAR or (cls.__module__, cls.__qualname__) in _CLEAR_NAMES:
        text = repr(value)
        fold = getattr(value, "fold", 0)
        return text if not fold or "fold=" in text else f"{text[:-1]}, fold=1)"
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        name = f".{value.name}" if value.name in cls.__members__ else ""  # a combination of flags has one in some Pythons only
        return f"<{cls.__qualname__}{name}: {_native.render(value.value, depth)}>"
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return _module_level(value)
    if isinstance(value, types.ModuleType):
        return f"<module {value.__name__!r}>"
    fields = _fields(value, cls)
    if fields is not None:
        return f"{_name(cls)}({', '.join(f'{name}={_native.render(part, depth)}' for name, part in fields)})"
    if hasattr(cls, "get_secret_value"):  # pydantic's secrets
        import hashlib

        return f"{_name(cls)}(sha256={hashlib.sha256(_native.render(value.get_secret_value(), depth).encode()).hexdigest()})"
    re = sys.modules.get("re")
    if re is not None and cls is re.Pattern:  # its repr ends after 200 characters
        return f"re.compile({_native.render(value.pattern, depth)}, {value.flags})"
    array = _array(value)
    if array is not None:
        return array
    for base in _BASES:
        if isinstance(value, base):
            exact = _ordered(value) or _EXACT.get(base, base)(value)
            return f"{_name(cls)}({', '.join([_native.render(exact, depth), *_attributes(value, depth)])})"
    if cls.__qualname__ == "deque" and cls.__module__ == "collections":
        return f"collections.deque({_native.render(list(value), depth)}, maxlen={value.maxlen})"
    return _own_repr(value, cls)


def _fields(value: Any, cls: Any) -> Optional[List[Tuple[str, Any]]]:
    """What `==` compares of a dataclass, an object of attrs, or a model of pydantic; None: it is none of them."""
    if hasattr(cls, "__dataclass_fields__"):
        fields = cls.__dataclass_fields__.items()
        return [(name, getattr(value, name)) for name, field in fields if field.compare and field._field_type.name == "_FIELD"]
    if hasattr(cls, "__attrs_attrs__"):
        return [(field.name, getattr(value, field.name)) for field in cls.__attrs_attrs__ if field.eq and hasattr(value, field.name)]
    if hasattr(cls, "__pydantic_fields_set__"):
        names = getattr(cls, "__pydantic_fields__", None) or cls.model_fields
        more = {**(getattr(value, "__pydantic_extra__", None) or {}), **(getattr(value, "__pydantic_private__", None) or {})}
        return [(name, value.__dict__[name]) for name in names if name in value.__dict__] + sorted(more.items())
    if hasattr(cls, "__fields_set__") and hasattr(cls, "__validators__"):  # pydantic 1
        return sorted(value.__dict__.items())
    return None


def _ordered(value: Any) -> Optional[List[Any]]:
    """The items of an OrderedDict, whose order `==` compares."""
    collections = sys.modules.get("collections")
    return list(collections.OrderedDict.items(value)) if collections is not None and isinstance(value, collections.OrderedDict) else None


def _attributes(value: Any, depth: int) -> List[str]:
    """What an object of a subclass of a built-in type holds besides: `name=text`, sorted."""
    names = set(getattr(value, "__dict__", ()))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        names.update((slots,) if isinstance(slots, str) else slots)
    held = ((name, getattr(value, name)) for name in sorted(names - {"__dict__", "__weakref__"}) if hasattr(value, name))
    return [f"{name}={_native.render(part, depth)}" for name, part in held]


def _array(value: Any) -> Optional[str]:
    """Arrays and data frames: type, dtype, shape and a digest of all their bytes."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.dtype.hasobject:
            return f"ndarray({value.dtype.str}, {value.shape}, {_native.render(value.tolist(), 0)})"
        import hashlib

        digest = hashlib.sha256(numpy.ascontiguousarray(value).tobytes()).hexdigest()
        return f"ndarray({value.dtype.str}, {value.shape}, sha256={digest})"
    if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index)):
        import hashlib

        hashes = pandas.util.hash_pandas_object(value, index=True).values.tobytes()
        names = [str(t) for t in value.dtypes] if hasattr(value, "columns") else str(value.dtype)
        columns = list(map(str, value.columns)) if hasattr(value, "columns") else value.name
        return f"{type(value).__name__}({value.shape}, {columns}, {names}, sha256={hashlib.sha256(hashes).hexdigest()})"
    return None


def _own_repr(value: Any, cls: type) -> Optional[str]:
    """`module.Class(` its repr `)`, where that holds no address."""
    own: Any = cls.__repr__
    if own is object.__repr__:
        return None
    text = repr(value)
    if f"at {hex(id(value))}" in text or f"0x{id(value):x}" in text.lower() or " at 0x" in text:
        return None
    return f"{_name(cls)}({text})"
