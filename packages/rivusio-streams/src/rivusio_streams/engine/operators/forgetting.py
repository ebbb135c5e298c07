"""What running values and distinct items have in common: a dict by key whose entries are forgotten in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TypeAlias

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.bounded import BoundedStates
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.expiry import Expiry
from rivusio_streams.keyed_process import Expiring
from rivusio_streams.moment import FOREVER

__all__ = ["Bounds", "ForgettingOperator"]

Bounds: TypeAlias = Callable[[Callable[[Any], None]], BoundedStates]
"""Makes bounded states, given what is to be told of keys that are to go."""


class ForgettingOperator(Operator):
    """Keeps something for each key, and forgets it when it is asked to; gives nothing when time passes.

    Args:
        name: of the step.
        expiring: when keys are forgotten.
        bounds: what to keep things in where there is a limit; made with what forgets a key.
    """

    def __init__(self, name: str, expiring: Expiring, bounds: Bounds | None) -> None:
        super().__init__(name)
        self._after = expiring.after or 0
        self._by_clock = expiring.clocked
        self._expiry = None if expiring.after is None else Expiry()
        self.clocked = expiring.clocked
        self.bounded = None if bounds is None else bounds(self._drop)
        self._kept: MutableMapping[Any, Any] = {} if self.bounded is None else self.bounded

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

    def _drop(self, key: Any) -> None:
        """Too many are kept, and this one was used longest ago."""
        self.touched.add(key)
        self.forgotten += 1
        del self._kept[key]
        if self._expiry is not None:
            self._expiry.forget(key)

    def finish(self) -> None:
        if self.bounded is None:  # else there may be more of them than fit into memory
            self.touched.update(self._kept)
        self._kept.clear()
        self.next = self.due = FOREVER
        if self._expiry is not None:
            self._expiry.clear()

    # --------------------------------------------------------------------------------------------------- snapshots

    # A cell for each key: what is kept of it, when that is forgotten, and where there is a limit when it was used.

    divisible = True

    def cell(self, cell: Any) -> object:
        try:
            kept = self._kept[cell] if self.bounded is None else self.bounded.peek(cell)
        except KeyError:
            return GONE
        expires = None if self._expiry is None else self._expiry.at[cell]
        return kept, expires, None if self.bounded is None else self.bounded.number(cell)

    def cells(self) -> Iterable[Any]:
        return self._kept

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        for key, (kept, expires, used) in cells.items():
            if self._expiry is not None:
                self._expiry.touch(key, expires)
            if self.bounded is None:
                self._kept[key] = kept
            else:
                self.bounded.restore(key, kept, used)
        if self.bounded is not None:
            self.bounded.restored()
        if self._expiry is not None and self._by_clock:
            self.due = self._expiry.next
        elif self._expiry is not None:
            self.next = self._expiry.next

    def explain(self) -> dict[str, object]:
        found: dict[str, object] = {"held": self.held, "keys": len(self._kept)}
        return found | ({"forgotten": self.forgotten} if self.forgotten else {})
