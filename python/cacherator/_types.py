"""The types that users meet in annotations."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, Callable, Dict, List, Optional, SupportsFloat, TypedDict, TypeVar, Union

#: A time to live: days, or a timedelta.
Ttl = Union[SupportsFloat, timedelta]
#: A span of time: seconds, or a timedelta.
Seconds = Union[SupportsFloat, timedelta]
#: What may name a cache or a folder.
Name = Union[str, float, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
#: What can be decorated: it leaves the decorator with the type that it had.
Function = TypeVar("Function", bound=Callable[..., Any])
ClassMethod = TypeVar("ClassMethod", bound="classmethod[Any, ..., Any]")


class Counts(TypedDict):
    """How calls of one function were answered."""

    l1: int
    l2: int
    misses: int


class Faults(TypedDict):
    """What went wrong, by kind."""

    damaged_records: int
    damaged_documents: int
    write: int
    other: int


class L2(TypedDict):
    """Figures of the table: requests by all caches of this process, the rest by this one."""

    table: str
    region: str
    endpoint: str
    requests: Dict[str, int]
    read_units: float
    write_units: float
    bytes_sent: int
    bytes_received: int
    errors: Dict[str, int]
    retries: int
    breaker: str
    hits: int
    misses: int
    written: int
    backfilled: int
    queued: int
    queued_bytes: int
    dropped: int
    too_large: int
    clears_pending: int
    legacy_hits: int


class _OptionalInfo(TypedDict, total=False):
    l2: L2  #: with a dynamodb_table


class Info(_OptionalInfo):
    """Figures of a cache, and of one object that uses it."""

    data_id: str
    directory: str
    document: str
    entries: int
    variables: int
    document_bytes: int
    journal_bytes: int
    appended: int
    checkpoints: int
    faults: Faults
    memory_only: bool
    reason: str
    functions: Dict[str, Counts]


class Stats(TypedDict):
    """How many results are kept, in all and of each function."""

    total_entries: int
    functions: Dict[str, int]


class DbKeys(TypedDict):
    """A page of the caches stored in DynamoDB."""

    keys: List[str]
    last_key: Optional[str]
