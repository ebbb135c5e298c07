"""How much memory items take, by estimate: what limits in bytes go by.

Exact sizes would cost more than the work that is done with most items. So of many items some are weighed, and of a
large container some of its entries; the others are taken to be like those.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

__all__ = ["Scale", "weight"]

_ATOMS = frozenset({int, float, bool, complex, str, bytes, bytearray, type(None)})
_DEPTH = 8
_HEAVY = 4_096
"""Bytes: of items that are heavier than this all are weighed."""
_EVERY = 16


def weight(value: Any, depth: int = _DEPTH) -> int:
    """Estimated bytes of a value and what it holds; what it shares with other values is counted, too.

    Args:
        value: anything.
        depth: how far to look into it.

    Example:
        >>> weight(b"x" * 1_000_000) // 1_000_000, weight([b"x" * 1_000] * 1_000) // 1_000_000
        (1, 1)
    """
    kind = type(value)
    if kind in _ATOMS:
        return sys.getsizeof(value)
    own = sys.getsizeof(value, 64)
    if depth == 0:
        return own
    below, sample = depth - 1, (depth + 1) // 2  # the deeper the fewer: some hundred entries at the very most
    if isinstance(value, Mapping):
        entries: Mapping[Any, Any] = value
        if not entries:
            return own
        some = [weight(key, below) + weight(each, below) for key, each in islice(entries.items(), sample)]
        return own + sum(some) * len(entries) // len(some)
    if isinstance(value, list | tuple | set | frozenset | deque):
        content = cast("Sequence[Any]", value)
        if not content:
            return own
        some = [weight(each, below) for each in islice(content, sample)]
        return own + sum(some) * len(content) // len(some)
    return own + _of_object(value, below)


def _of_object(value: Any, depth: int) -> int:
    size: object = getattr(value, "nbytes", None)  # arrays, tables and columns say themselves how much they hold
    if isinstance(size, int):
        return size
    fields: object = getattr(value, "__dict__", None)
    held = weight(fields, depth) if isinstance(fields, dict) and not isinstance(value, type) else 0
    for base in type(value).__mro__:
        slots: str | Sequence[str] = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                held += weight(getattr(value, name, None), depth)
    return held


class Scale:
    """Weighs items that keep coming: some of those that are light, all that are heavy."""

    def __init__(self) -> None:
        self.average = 0
        """Bytes of an item."""
        self._left = 0

    def of(self, values: Sequence[Any]) -> int:
        """Estimated bytes of some items together."""
        if not values:
            return 0
        self._left -= 1
        if self._left < 0 or self.average >= _HEAVY:
            self._left = _EVERY
            some = {0, len(values) // 2, len(values) - 1}
            self.average = sum(weight(values[index]) for index in some) // len(some)
        return self.average * len(values)
