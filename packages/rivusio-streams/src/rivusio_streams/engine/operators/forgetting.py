"""What running values and distinct items have in common: a dict by key whose entries are forgotten in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.expiry import Expiry
from rivusio_streams.keyed_process import Expiring
from rivusio_streams.moment import FOREVER

__all__ = ["ForgettingOperator"]


class ForgettingOperator(Operator):
    """Keeps something for each key, and forgets it when it is asked to; gives nothing when time passes.

    Args:
        name: of the step.
        expiring: when keys are forgotten.
    """

    def __init__(self, name: str, expiring: Expiring) -> None:
        super().__init__(name)
        self._after = expiring.after or 0
        self._by_clock = expiring.clocked
        self._expiry = None if expiring.after is None else Expiry()
        self.clocked = expiring.clocked
        self._kept: dict[Any, Any] = {}

    def _remember(self, expiry: Expiry, key: Any, time: int) -> None:
        """Something of the key is kept: forget it some time after now, or after this event time."""
        if self._by_clock:
            expiry.touch(key, self.now + self._after)
            self.due = expiry.next
        else:
            expiry.touch(key, time + self._after)
            self.next = expiry.next

    def advance(self, watermark: int) -> None:
        if self._expiry is not None and not self._by_clock:
            self._forget(self._expiry, watermark)
            self.next = self._expiry.next

    def tick(self) -> None:
        if self._expiry is not None:
            self._forget(self._expiry, self.now)
            self.due = self._expiry.next

    def _forget(self, expiry: Expiry, now: int) -> None:
        for key in expiry.expired(now):
            self.touched.add(key)
            del self._kept[key]

    def finish(self) -> None:
        self.touched.update(self._kept)
        self._kept.clear()
        self.next = self.due = FOREVER
        if self._expiry is not None:
            self._expiry.clear()

    # --------------------------------------------------------------------------------------------------- snapshots

    # A cell for each key: what is kept of it, and when that is forgotten.

    def cell(self, cell: Any) -> object:
        if cell not in self._kept:
            return GONE
        return self._kept[cell], None if self._expiry is None else self._expiry.at[cell]

    def cells(self) -> Iterable[Any]:
        return self._kept

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        for key, (kept, expires) in cells.items():
            self._kept[key] = kept
            if self._expiry is not None:
                self._expiry.touch(key, expires)
        if self._expiry is not None and self._by_clock:
            self.due = self._expiry.next
        elif self._expiry is not None:
            self.next = self._expiry.next

    def explain(self) -> dict[str, object]:
        return {"held": self.held, "keys": len(self._kept)}
