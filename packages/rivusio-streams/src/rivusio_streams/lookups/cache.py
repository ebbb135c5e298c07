"""The answers of a lookup join that are still good."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from rivusio_core.clock import Clock
from rivusio_core.errors import PipeError
from rivusio_streams.lookups.counts import LookupCounts

__all__ = ["Answer", "Cache"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)  # not frozen: that would take three times as long to make
class Answer(Generic[V]):
    """What is known of a key; None: nothing. Good while the clock is before `until`."""

    value: V | None
    until: float


class Cache(Generic[K, V]):
    """Keeps answers, each for a time and no more than `size`; the least recently used one goes first.

    An answer that has expired goes when it is asked for, or when it is the least recently used one.

    Args:
        size: answers kept at most.
        ttl: seconds that something known is kept.
        negative_ttl: seconds that it is kept that nothing is known.
        clock: says when they are over.

    Attributes:
        counts: of the questions; requests are counted by who makes them.
    """

    def __init__(self, size: int, ttl: float, negative_ttl: float, clock: Clock) -> None:
        self._size, self._ttl, self._negative_ttl, self._clock = size, ttl, negative_ttl, clock
        self._answers = OrderedDict[K, Answer[V]]()
        self.counts = LookupCounts()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: K) -> Answer[V] | None:
        """The answer that is kept for a key, if it is still good; it is then the most recently used one.

        Raises:
            PipeError: the key is not hashable.
        """
        try:
            found = self._answers.get(key)
        except TypeError as error:
            raise PipeError(f"the key of an item must be hashable, and {type(key).__name__} is not") from error
        if found is None:
            self.counts.misses += 1
            return None
        if found.until <= self._clock.monotonic():
            del self._answers[key]
            self.counts.misses += 1
            return None
        self._answers.move_to_end(key)
        if found.value is None:
            self.counts.negative_hits += 1
        else:
            self.counts.hits += 1
        return found

    def put(self, key: K, value: V | None) -> None:
        """Keep an answer that has just come, to a question that `get` could not answer."""
        ttl = self._negative_ttl if value is None else self._ttl
        if ttl <= 0:
            return
        self._answers[key] = Answer(value, self._clock.monotonic() + ttl if ttl < math.inf else math.inf)
        self._answers.move_to_end(key)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)
