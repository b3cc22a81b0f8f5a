"""What the Python examples ask the web with. CACHERATOR_EXAMPLE_API names a running server.py; else one is started here."""

import json
import os
from typing import Any
from urllib.request import urlopen

from server import serve

API = os.environ.get("CACHERATOR_EXAMPLE_API") or serve()[1]


def get(url: str) -> str:
    with urlopen(url if "://" in url else API + url, timeout=10) as response:
        return str(response.read().decode())


def get_json(url: str) -> Any:
    return json.loads(get(url))
