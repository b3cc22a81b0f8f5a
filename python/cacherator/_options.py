"""What users may give, checked at once: the error names the thing, the value and the remedy."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def days(ttl: Any, where: str) -> float:
    """A ttl in days, from a number of days or a timedelta."""
    datetime = sys.modules.get("datetime")
    if datetime is not None and isinstance(ttl, datetime.timedelta):
        return float(ttl.total_seconds() / 86400)
    if not hasattr(type(ttl), "__float__"):
        raise TypeError(f"{where}: ttl={ttl!r} is neither a number of days nor a timedelta")
    number = _float(ttl)
    if number != number:
        raise ValueError(f"{where}: ttl is NaN; give a number of days (0 or less: never a hit)")
    return min(max(number, -1e15), 1e15)


def seconds(value: Any, name: str) -> float:
    """A span of time in seconds, from a number of them or a timedelta."""
    datetime = sys.modules.get("datetime")
    if datetime is not None and isinstance(value, datetime.timedelta):
        return float(value.total_seconds())
    if not hasattr(type(value), "__float__"):
        raise TypeError(f"{name}={value!r} is neither a number of seconds nor a timedelta")
    number = _float(value)
    if number != number:
        raise ValueError(f"{name} is NaN; give a number of seconds (0: do not wait)")
    return min(max(number, 0.0), 1e8)


def timeout(value: Any, name: str) -> float:
    """A span of time in seconds that something may take: more than 0."""
    span = seconds(value, name)
    if span <= 0:
        raise ValueError(f"{name}: no request is answered in no time; give more than 0 seconds")
    return span


def page(limit: Any, last_key: Any) -> int:
    """How many keys a page has; `last_key` is of the page before."""
    if isinstance(limit, bool) or not hasattr(type(limit), "__index__"):
        raise TypeError(f"limit={limit!r} is no whole number of keys")
    if limit < 1:
        raise ValueError(f"limit={limit!r}: a page has 1 key or more")
    if last_key is not None and not isinstance(last_key, str):
        raise TypeError(f"last_key={last_key!r} is no text: give the 'last_key' of the page before, or None for the first page")
    return min(int(limit), 2**31)


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return 1e15 if number > 0 else -1e15


def text(value: Any, name: str, default: str) -> str:
    """A text, a path or a number as text."""
    if value is None or value == "":
        return default
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if not isinstance(value, str):
        raise TypeError(f"{name}={value!r} is neither a text nor a path nor a number")
    if "\0" in value:
        raise ValueError(f"{name}={value!r} holds a NUL character, which no file name can; leave it out")
    return value


def storable(data_id: str) -> str:
    """UTF-8 can say every text but lone surrogates: these become their escapes."""
    return data_id.encode("utf-8", "backslashreplace").decode("utf-8")


def incumbent_stem(data_id: str) -> str:
    """1.2.9's file name for a data_id beyond ASCII, where python-slugify is installed; else nothing."""
    if data_id.isascii():
        return ""
    try:
        from slugify import slugify
    except ImportError:
        return ""
    from hashlib import sha256

    name = data_id if len(data_id) < 180 else f"{data_id[:140]}-{sha256(data_id.encode()).hexdigest()}"
    return str(slugify(name))


def durability(value: Any) -> bool:
    """True for "power"."""
    if value not in ("process", "power"):
        raise ValueError(f"durability={value!r}: give 'process' (a returned result survives kill -9) or 'power' (and a loss of power)")
    return bool(value == "power")


def hits(value: Any) -> bool:
    """True for "checked"."""
    if value not in ("mapped", "checked"):
        raise ValueError(f"hits={value!r}: give 'mapped' (a hit looks at a mapped page) or 'checked' (it reads the lock file, and maps nothing)")
    return bool(value == "checked")


def single_flight(value: Any, table: Any) -> bool:
    """True for "fleet"."""
    if value not in ("machine", "fleet"):
        raise ValueError(f"single_flight={value!r}: give 'machine' (its processes compute a call once) or 'fleet' (all machines do)")
    if value == "fleet" and not table:
        raise ValueError("single_flight='fleet' needs a dynamodb_table, over which the machines agree")
    return bool(value == "fleet")


def table(value: Any) -> str:
    """The name of a table; empty: none."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise TypeError(f"dynamodb_table={value!r} is not the name of a table: give a text, or None for a local cache")
    return value


def directory(value: Any) -> str:
    return "data/cache" if value is None else text(value, "directory", "")


def names(value: Any, name: str) -> "tuple[Any, ...]":
    """A list of names as it stands now; a single text is one name, not its letters."""
    if isinstance(value, str):
        return (value,)
    try:
        return tuple(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is no list of names") from None
