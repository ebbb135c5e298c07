"""What a step keeps, held against its limit and against the memory of the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ByteSize

from rivusio_core.engine.budget import Budget
from rivusio_core.engine.stage import GONE
from rivusio_core.engine.weight import weight
from rivusio_core.errors import StateLimitExceeded
from rivusio_streams.engine.operator import Operator
from rivusio_streams.state.limit import StateLimit

__all__ = ["Meter"]

_PLACE = 100
"""Bytes that a cell costs besides its id and its value, about."""


class Meter:
    """Weighs the cells that change.

    Args:
        step: whose they are.
        limit: of the step, if it has one.
        budget: of the run.
    """

    def __init__(self, step: str, limit: StateLimit | None, budget: Budget) -> None:
        self._step, self._budget = step, budget
        self._keys = None if limit is None else limit.keys
        self._bytes = None if limit is None else limit.bytes
        self._weighs = self._bytes is not None or budget.limit is not None
        self._weights: dict[Any, int] = {}
        self._held = 0

    def account(self, operator: Operator, ids: Iterable[Any]) -> None:
        """Some cells may have changed.

        Raises:
            StateLimitExceeded: the step keeps too much.
            MemoryLimitExceeded: the run does.
        """
        if operator.bounded is not None:  # it sees to its limit itself
            self._budget.keep(self._step, operator.bounded.held)
            return
        weights = self._weights
        for each in ids:
            cell = operator.cell(each)
            if cell is GONE:
                self._held -= weights.pop(each, 0)
                continue
            now = _PLACE + weight(each) + weight(cell) if self._weighs else 0
            self._held += now - weights.get(each, 0)
            weights[each] = now
        if self._keys is not None and len(weights) > self._keys:
            raise StateLimitExceeded(self._text(f"{len(weights):,} keys", f"keys={self._keys:,}"))
        if self._bytes is not None and self._held > self._bytes:
            raise StateLimitExceeded(self._text(f"about {_size(self._held)}", f"memory={_size(self._bytes)}"))
        self._budget.keep(self._step, self._held)

    def _text(self, held: str, limit: str) -> str:
        return (
            f"step {self._step!r} keeps {held}, more than its limit {limit} at key_by; keep less (ttl=, shorter "
            "windows), allow more, or say what is to become of it (StateLimit(beyond=...))"
        )


def _size(count: int) -> str:
    return ByteSize(count).human_readable()
