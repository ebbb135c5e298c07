"""The first of equal items."""

from __future__ import annotations

from typing import Any

from rivusio_streams.engine.operators.forgetting import Bounds, ForgettingOperator
from rivusio_streams.keyed_process import Distinct

__all__ = ["DistinctOperator"]


class DistinctOperator(ForgettingOperator):
    """Gives the items whose like is not remembered; the others are filtered out.

    Args:
        name: of the step.
        spec: what to do.
        keyed: items with the same key are the same.
        bounds: see `ForgettingOperator`.
    """

    def __init__(self, name: str, spec: Distinct, *, keyed: bool, bounds: Bounds | None = None) -> None:
        super().__init__(name, spec.expiring, bounds)
        self._keyed, self._of = keyed, spec.of

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        same = key if self._keyed else value if self._of is None else self._of(value)
        if same in self._kept:
            self.filtered += 1
            if self.bounded is not None:
                self.bounded.use(same)
                self.touched.add(same)  # so it changed
            return True
        self.touched.add(same)
        if self._expiry is None:
            self._kept[same] = None
        elif self._by_clock or time + self._after > mark:
            self._kept[same] = None
            self._remember(self._expiry, same, time)
        if self.bounded is not None:
            self.bounded.settle()
        self.give(value, time, mark)
        return True
