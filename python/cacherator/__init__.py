"""Persistent JSON caching of function results and object state."""

from ._core import Cached, JSONCache

__version__ = "2.0.0"
__all__ = ["JSONCache", "Cached"]
