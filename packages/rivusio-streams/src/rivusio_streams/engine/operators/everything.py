"""One window for all times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rivusio_streams.engine.operators.early import Pending
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.windowing import WindowOperator
from rivusio_streams.moment import FIRST, FOREVER, LAST, NEVER
from rivusio_streams.windows import Timing, window_of

__all__ = ["GlobalOperator"]

_WINDOW = window_of(FIRST, LAST)


@dataclass(slots=True, eq=False)
class _Key:
    """All items of a key: latest time, accumulator (NOTHING where all were given), how many panes were given."""

    key: Any
    latest: int
    accumulator: Any = NOTHING
    panes: int = 0
    pending: Pending | None = None


class GlobalOperator(WindowOperator):
    """Gives results at the end of the input, and early ones."""

    def __init__(self, name: str, *settings: Any) -> None:
        super().__init__(name, *settings)
        self._keys: dict[Any, _Key] = {}
        self._mark = NEVER
        """The watermark as far as items or triggers have told."""

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        own = self._keys.get(key) or _Key(key, time)
        own.accumulator = self.with_value(own.accumulator, value, time)
        self._keys[key] = own
        own.latest, self._mark = max(own.latest, time), max(self._mark, mark)
        self.held += 1
        own.pending = self.heed(own.pending, own, value, time, mark)
        self.schedule()
        return True

    def give_early(self, where: _Key, mark: int) -> None:
        where.pending = None
        self._mark = max(self._mark, mark)
        self._give(where, "early")

    def _give(self, own: _Key, timing: Timing) -> None:
        time = max(own.latest, self._mark)
        self.give_pane(own.key, _WINDOW, own.accumulator, own.panes, timing, time, self._mark)
        own.panes += 1
        if not self.accumulate:
            own.accumulator = NOTHING

    def schedule(self) -> None:
        if self.early is not None:
            self.next, self.due = self.early.next, self.early.due

    def advance(self, watermark: int) -> None:
        self.give_due(min(watermark, FOREVER - 1))
        if watermark == FOREVER:
            self.held = 0
            for own in self._keys.values():
                if own.accumulator is not NOTHING:
                    self._give(own, "on_time")
                if own.pending is not None:
                    own.pending.over = True
            self._keys.clear()
        self.schedule()

    def snapshot(self) -> object:
        return {
            "keys": [(own.key, own.latest, self.dump(own.accumulator), own.panes) for own in self._keys.values()],
            "mark": self._mark,
            "early": None if self.early is None else self.early.snapshot(self._pendings(), self.now),
        }

    def _pendings(self) -> Iterator[tuple[Any, Pending]]:
        for own in self._keys.values():
            if own.pending is not None:
                yield own.key, own.pending

    def restore(self, state: Any) -> None:
        self._mark = state["mark"]
        for key, latest, kept, panes in state["keys"]:
            self._keys[key] = _Key(key, latest, self.load(kept), panes)
        if self.early is not None:
            for key, pending in self.early.restore(state["early"], self.now):
                own = self._keys[key]
                pending.where, own.pending = own, pending
        self.schedule()

    def explain(self) -> dict[str, object]:
        return {"held": self.held, "keys": len(self._keys)}
