"""Cached, where 1.2.9 has it."""

from ._cached import Cached

__all__ = ["Cached"]
