"""Windows that are the same for all keys: tumbling, hopping, calendar, own ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, TypeAlias

from rivusio_streams.engine.operator import RowFailed, Rows
from rivusio_streams.engine.operators.early import Pending
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.windowing import WindowOperator
from rivusio_streams.moment import FOREVER, as_datetime
from rivusio_streams.windows import AlignedWindows, Span, Timing, Tumbling, Window, window_of

__all__ = ["AlignedOperator"]


@dataclass(slots=True)
class _Open:
    """A window that is open, or closed and still takes late items.

    Attributes:
        window: its interval.
        held: items that wait for this window to close: those for which it is the last to do so.
        closed: its on-time result was given.
        accumulators: by key, in the order in which keys were first seen; NOTHING where all items were given already and
            panes do not accumulate.
        panes: how many results were given, by key.
        pending: what the trigger remembers, by key.
    """

    window: Window
    held: int = 0
    closed: bool = False
    accumulators: dict[Any, Any] = field(default_factory=dict[Any, Any])
    panes: dict[Any, int] = field(default_factory=dict[Any, int])
    pending: dict[Any, Pending] = field(default_factory=dict[Any, Pending])


_Place: TypeAlias = tuple[int, int]
"""End and start of a window: the order in which windows close."""


class AlignedOperator(WindowOperator):
    """One windowed aggregation.

    Args:
        name: of the step.
        windows: where windows lie.
        settings: see `WindowOperator`.
    """

    def __init__(self, name: str, windows: AlignedWindows, *settings: Any) -> None:
        super().__init__(name, *settings)
        self._windows = windows
        self._open: dict[_Place, _Open] = {}
        self._closing: list[_Place] = []
        self._dropping: list[_Place] = []
        self._plain = windows if type(windows) is Tumbling and self.early is None else None

    # --------------------------------------------------------------------------------------------------- items

    def add_rows(self, rows: Rows, late: list[bool]) -> None:
        """The shortest way for what is usual: tumbling windows, on time, without trigger."""
        if self._plain is None:
            super().add_rows(rows, late)
            return
        open_, nothing, fold = self._open, NOTHING, self.fold
        create, add, add_at = fold.create, fold.add, None if fold.timeless else fold.add_at
        size, offset = self._plain.length, self._plain.offset
        index, added = -1, 0
        try:
            for index, (time, mark, key, value) in rows:
                if mark >= self.next:
                    self.advance(mark)
                start = time - (time - offset) % size
                found = open_.get((start + size, start))
                if found is None or found.closed:
                    late[index] = not self.add(time, mark, key, value)
                    continue
                accumulators = found.accumulators
                accumulator = accumulators.get(key, nothing)
                if accumulator is nothing:
                    accumulator = create()
                accumulators[key] = add(accumulator, value) if add_at is None else add_at(accumulator, value, time)
                found.held += 1
                added += 1
        except Exception as error:
            raise RowFailed(index, error) from error
        finally:
            self.held += added

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        spans = self._windows.assign(time)
        waiting: _Open | None = None
        taken = not spans
        for start, end in spans:
            place = (end, start)
            if mark < end:
                found = self._open.get(place)
                if found is None:
                    found = self._new((start, end))
                found.accumulators[key] = self.with_value(found.accumulators.get(key, NOTHING), value, time)
                if self.early is not None:
                    self._heed(place, found, key, value, time, mark)
                waiting = found
            elif mark < end + self.allowed:
                found = self._open.get(place)
                if found is None:
                    found = self._new((start, end), closed=True)
                found.accumulators[key] = self.with_value(found.accumulators.get(key, NOTHING), value, time)
                self._give(place, found, key, mark, "late")
                taken = True
        if waiting is None:
            return taken
        waiting.held += 1  # windows come in the order of their ends
        self.held += 1
        return True

    def _new(self, span: Span, *, closed: bool = False) -> _Open:
        start, end = span
        made = self._open[end, start] = _Open(window_of(start, end), closed=closed)
        heappush(self._dropping if closed else self._closing, (end, start))
        self.schedule()
        return made

    def _heed(self, place: _Place, found: _Open, key: Any, value: Any, time: int, mark: int) -> None:
        pending = self.heed(found.pending.get(key), (place, key), value, time, mark)
        if pending is not None:
            found.pending[key] = pending
        self.schedule()

    def give_early(self, where: tuple[_Place, Any], mark: int) -> None:
        place, key = where
        self._give(place, self._open[place], key, mark, "early")
        self._open[place].pending.pop(key, None)

    # ------------------------------------------------------------------------------------------------- time passes

    def schedule(self) -> None:
        closing = self._closing[0][0] if self._closing else FOREVER
        dropping = self._dropping[0][0] + self.allowed if self._dropping else FOREVER
        self.next = min(closing, dropping)
        if self.early is not None:
            self.next, self.due = min(self.next, self.early.next), self.early.due

    def advance(self, watermark: int) -> None:
        """Close the windows that end by `watermark`, in the order of their ends, and drop those that are over.

        A result goes with its own time as its mark: all later results of closing windows have that time or more, and
        where the watermark jumped from does depend on what was filtered out before.
        """
        while self._closing and self._closing[0][0] <= watermark:
            self.give_due(self._closing[0][0] - 1)
            self._close(heappop(self._closing))
        self.give_due(watermark)
        while self._dropping and self._dropping[0][0] + self.allowed <= watermark:
            del self._open[heappop(self._dropping)]
        self.schedule()

    def _close(self, place: _Place) -> None:
        found = self._open[place]
        self.held -= found.held
        found.held, found.closed = 0, True
        for pending in found.pending.values():
            pending.over = True
        found.pending.clear()
        for key in list(found.accumulators):
            if found.accumulators[key] is not NOTHING:
                self._give(place, found, key, place[0] - 1, "on_time")
        if self.allowed:
            heappush(self._dropping, place)
        else:
            del self._open[place]

    def _give(self, place: _Place, found: _Open, key: Any, mark: int, timing: Timing) -> None:
        index = found.panes.get(key, 0)
        self.give_pane(key, found.window, found.accumulators[key], index, timing, place[0] - 1, mark)
        if self.keeps_closed:
            found.panes[key] = index + 1
            if not self.accumulate:
                found.accumulators[key] = NOTHING

    # --------------------------------------------------------------------------------------------------- snapshots

    def snapshot(self) -> object:
        return {
            "windows": [
                (
                    place,
                    each.held,
                    each.closed,
                    [(key, self.dump(own)) for key, own in each.accumulators.items()],
                    [*each.panes.items()],
                )
                for place, each in self._open.items()
            ],
            "early": None if self.early is None else self.early.snapshot(self._pendings(), self.now),
        }

    def _dumped(self, window: _Open) -> list[tuple[Any, Any]]:
        return [(key, self.dump(own)) for key, own in window.accumulators.items()]

    def _pendings(self) -> Iterator[tuple[tuple[_Place, Any], Pending]]:
        for place, each in self._open.items():
            for key, pending in each.pending.items():
                yield (place, key), pending

    def restore(self, state: Any) -> None:
        for (end, start), held, closed, accumulators, panes in state["windows"]:
            window = window_of(start, end)
            self._open[end, start] = _Open(
                window, held, closed, {key: self.load(own) for key, own in accumulators}, dict(panes)
            )
            (self._dropping if closed else self._closing).append((end, start))
        heapify(self._closing)
        heapify(self._dropping)
        if self.early is not None:
            for (place, key), pending in self.early.restore(state["early"], self.now):
                pending.where = (place, key)
                self._open[place].pending[key] = pending
        self.schedule()

    def explain(self) -> dict[str, object]:
        ends = sorted(end for (end, _), each in self._open.items() if not each.closed)
        return {
            "held": self.held,
            "open windows": len(ends),
            "closed windows that still take late items": len(self._open) - len(ends),
            "next window ends": as_datetime(ends[0]).isoformat() if ends else None,
            "keys": sum(len(each.accumulators) for each in self._open.values()),
        }
