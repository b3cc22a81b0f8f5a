"""JSONCache and Cached, where 1.2.9 has them."""

from ._cached import Cached
from ._core import JSONCache

__all__ = ["JSONCache", "Cached"]
