"""Persistent JSON caching of function results and object state."""

from ._cached import Cached
from ._core import JSONCache

__version__ = "2.0.0"
__all__ = ["JSONCache", "Cached"]
