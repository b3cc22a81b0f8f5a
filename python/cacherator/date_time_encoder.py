"""DateTimeEncoder, where 1.2.9 has it; the cache itself does not use it."""

from __future__ import annotations

from datetime import datetime
from json import JSONEncoder
from typing import Any


class DateTimeEncoder(JSONEncoder):
    """`json.dump(..., cls=DateTimeEncoder)` writes a datetime as its ISO text."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)
