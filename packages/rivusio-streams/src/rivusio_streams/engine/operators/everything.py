"""One window for all times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operators.early import Pending
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.windowing import WindowOperator
from rivusio_streams.engine.rows import RowFailed, Rows
from rivusio_streams.moment import FIRST, FOREVER, LAST, NEVER
from rivusio_streams.windows import Timing, window_of

__all__ = ["GlobalOperator"]

_WINDOW = window_of(FIRST, LAST)


@dataclass(slots=True, eq=False)
class _Key:
    """All items of a key.

    Attributes:
        key: of the items.
        order: in which keys were first seen.
        latest: time.
        accumulator: of the items; NOTHING where all were given.
        panes: how many were given.
        pending: what the trigger remembers.
    """

    key: Any
    order: int
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
        own = self._keys.get(key) or _Key(key, len(self._keys), time)
        self.touched.add(key)
        own.accumulator = self.with_value(own.accumulator, value, time)
        self._keys[key] = own
        own.latest, self._mark = max(own.latest, time), max(self._mark, mark)
        self.held += 1
        own.pending = self.heed(own.pending, own, value, time, mark)
        self.schedule()
        return True

    def add_rows(self, rows: Rows, late: bytearray) -> None:
        if self.early is not None:
            super().add_rows(rows, late)
            return
        keys, create, timeless = self._keys, self.fold.create, self.fold.timeless
        add, add_at, count, last, index = self.fold.add, self.fold.add_at, 0, self._mark, -1
        touched: dict[Any, None] = {}
        try:
            for index, (time, mark, key, value) in rows:  # noqa: B007  # the last one tells which failed
                own = keys.get(key)
                before = NOTHING if own is None else own.accumulator
                if before is NOTHING:
                    before = create()
                made = add(before, value) if timeless else add_at(before, value, time)
                if own is None:
                    keys[key] = _Key(key, len(keys), time, made)
                else:
                    own.accumulator = made
                    if time > own.latest:
                        own.latest = time
                touched[key] = None
                last = mark
                count += 1
        except Exception as error:
            raise RowFailed(index, error) from error
        finally:
            self.touched.update(touched)
            self.held += count
            self._mark = max(self._mark, last)

    def give_early(self, where: _Key, mark: int) -> None:
        self.touched.add(where.key)
        where.pending = None
        self._mark = max(self._mark, mark)
        self._give(where, "early")

    def _give(self, own: _Key, timing: Timing) -> None:
        time = max(own.latest, self._mark)
        self.give_pane(own.key, _WINDOW, own.accumulator, own.panes, timing, time, self._mark)
        own.panes += 1
        if not self.accumulate:
            own.accumulator = NOTHING

    def _give_all(self) -> None:
        keys = self._keys.values()
        self.values += self._panes.closed(_WINDOW, {own.key: own.accumulator for own in keys})
        self.times += [max(own.latest, self._mark) for own in keys]
        self.marks += [self._mark] * len(keys)

    def schedule(self) -> None:
        if self.early is not None:
            self.next, self.due = self.early.next, self.early.due

    def advance(self, watermark: int) -> None:
        self.give_due(min(watermark, FOREVER - 1))
        if watermark == FOREVER:
            self.held, self._mark = 0, max(self._mark, self.before)
            if self.early is None:
                self._give_all()
            else:
                for own in self._keys.values():
                    if own.accumulator is not NOTHING:
                        self._give(own, "on_time")
                    if own.pending is not None:
                        own.pending.over = True
            self.touched.update(self._keys)
            self._keys.clear()
        self.schedule()

    # A cell for each key.

    def header(self) -> object:
        return self._mark, self.early_order

    def cell(self, cell: Any) -> object:
        own = self._keys.get(cell)
        if own is None:
            return GONE
        pending = None if own.pending is None else own.pending.kept()
        return own.order, own.latest, self.dump(own.accumulator), own.panes, pending

    def cells(self) -> Iterable[Any]:
        return self._keys

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._mark, self.early_order = header
        for key, (order, latest, kept, panes, pending) in sorted(cells.items(), key=lambda each: each[1][0]):
            own = self._keys[key] = _Key(key, order, latest, self.load(kept), panes)
            own.pending = self.restored(pending, own)
        self.schedule()

    divisible = True

    def header_of(self, headers: Sequence[Any]) -> object:
        return tuple(map(max, zip(*headers, strict=True)))

    def explain(self) -> dict[str, object]:
        return {"held": self.held, "keys": len(self._keys)}
