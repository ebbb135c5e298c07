"""Windows that are the same for all keys: tumbling, hopping, calendar, own ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, TypeAlias

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operator import SHARED
from rivusio_streams.engine.operators.early import Pending
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.windowing import WindowOperator
from rivusio_streams.moment import FOREVER, as_datetime
from rivusio_streams.windows import AlignedWindows, Span, Timing, Window, window_of

__all__ = ["AlignedOperator", "Open"]


@dataclass(slots=True)
class Open:
    """A window that is open, or closed and still takes late items.

    Attributes:
        window: its interval.
        held: items that wait for this window to close: those for which it is the last to do so.
        closed: its on-time result was given.
        fresh: accumulators by key of the keys that were touched since the last snapshot; NOTHING where all items were
            given already and panes do not accumulate. So the usual item costs nothing more for being in a snapshot.
        settled: those of the other keys; what it says of a key that is in `fresh` is out of date. Keys of both, these
            first, are in the order in which they were first seen.
        panes: how many results were given, by key.
        pending: what the trigger remembers, by key.
        stored: a snapshot has it.
        seen: nothing; see `Accumulators`.
    """

    window: Window
    held: int = 0
    closed: bool = False
    fresh: dict[Any, Any] = field(default_factory=dict[Any, Any])
    settled: dict[Any, Any] = field(default_factory=dict[Any, Any])
    panes: dict[Any, int] = field(default_factory=dict[Any, int])
    pending: dict[Any, Pending] = field(default_factory=dict[Any, Pending])
    stored: bool = False
    seen: dict[Any, int] = field(default_factory=dict[Any, int])

    def get(self, key: Any) -> Any:
        """The accumulator of a key, or NOTHING."""
        return self.fresh[key] if key in self.fresh else self.settled.get(key, NOTHING)

    def all(self) -> dict[Any, Any]:
        """The accumulators of all keys, in their order."""
        return {**self.settled, **self.fresh} if self.settled else self.fresh


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
        self._open: dict[_Place, Open] = {}
        self._closing: list[_Place] = []
        self._dropping: list[_Place] = []

    # --------------------------------------------------------------------------------------------------- items

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        spans = self._windows.assign(time)
        waiting: Open | None = None
        taken = not spans
        for start, end in spans:
            place = (end, start)
            if mark < end:
                found = self._open.get(place)
                if found is None:
                    found = self._new((start, end))
                found.fresh[key] = self.with_value(found.get(key), value, time)
                if self.early is not None:
                    self._heed(place, found, key, value, time, mark)
                waiting = found
            elif mark < end + self.allowed:
                found = self._open.get(place)
                if found is None:
                    found = self._new((start, end), closed=True)
                found.fresh[key] = self.with_value(found.get(key), value, time)
                self._give(place, found, key, mark, "late")
                taken = True
        if waiting is None:
            return taken
        waiting.held += 1  # windows come in the order of their ends
        self.held += 1
        return True

    def _new(self, span: Span, *, closed: bool = False) -> Open:
        start, end = span
        made = self._open[end, start] = Open(window_of(start, end), closed=closed)
        heappush(self._dropping if closed else self._closing, (end, start))
        self.schedule()
        return made

    def _heed(self, place: _Place, found: Open, key: Any, value: Any, time: int, mark: int) -> None:
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
            self._drop(heappop(self._dropping))
        self.schedule()

    def _close(self, place: _Place) -> None:
        found = self._open[place]
        self.held -= found.held
        if not self.keeps_closed:
            self.give_closed(found.window, found.all(), place[0] - 1)
            self._drop(place)
            return
        found.held, found.closed = 0, True
        for pending in found.pending.values():
            pending.over = True
        found.pending.clear()
        found.fresh, found.settled = found.all(), {}
        for key in list(found.fresh):
            if found.fresh[key] is not NOTHING:
                self._give(place, found, key, place[0] - 1, "on_time")
        if self.allowed:
            heappush(self._dropping, place)
        else:
            self._drop(place)

    def _drop(self, place: _Place) -> None:
        found = self._open.pop(place)
        if found.stored:
            self.touched.add(place)
            self.touched.update((*place, key) for key in found.all())

    def _give(self, place: _Place, found: Open, key: Any, mark: int, timing: Timing) -> None:
        index = found.panes.get(key, 0)
        accumulator = found.get(key)
        self.give_pane(key, found.window, accumulator, index, timing, place[0] - 1, mark)
        if self.keeps_closed:
            found.panes[key] = index + 1
            found.fresh[key] = accumulator if self.accumulate else NOTHING

    # --------------------------------------------------------------------------------------------------- snapshots

    # A cell for each window, (end, start), and for each key in it, (end, start, key). Cells of keys come in the order
    # in which keys were first seen: in this order they are given.

    def header(self) -> object:
        return self.early_order

    def cell(self, cell: Any) -> object:
        end, start, *rest = cell
        found = self._open.get((end, start))
        if found is None:
            return GONE
        if not rest:
            return found.held, found.closed
        [key] = rest
        pending = found.pending.get(key)
        return self.dump(found.get(key)), found.panes.get(key, 0), None if pending is None else pending.kept()

    def cells(self) -> Iterator[Any]:
        for place, each in self._open.items():
            yield place
            for key in each.all():
                yield (*place, key)

    def changed(self) -> Iterator[Any]:
        yield from self.touched
        for place, each in self._open.items():
            if each.fresh:  # `held` and `closed` change with keys only
                yield place
                for key in each.fresh:
                    yield (*place, key)

    divisible = True

    def owner(self, cell: Any) -> Any:
        return cell[2] if len(cell) > 2 else SHARED  # end, start, key

    def header_of(self, headers: Sequence[Any]) -> object:
        return max(headers)

    def shared_of(self, values: Sequence[Any]) -> object:
        return sum(held for held, _ in values), any(closed for _, closed in values)

    def without_counts(self, shared: Any) -> object:
        return 0, shared[1]

    def settle(self) -> None:
        super().settle()
        for each in self._open.values():
            each.stored = True
            if each.settled:
                each.settled.update(each.fresh)
                each.fresh.clear()
            else:
                each.settled, each.fresh = each.fresh, {}

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self.early_order = header
        for (end, start, *rest), value in cells.items():
            if not rest:
                held, closed = value
                self._open[end, start] = Open(window_of(start, end), held, closed, stored=True)
                (self._dropping if closed else self._closing).append((end, start))
        heapify(self._closing)
        heapify(self._dropping)
        for (end, start, *rest), value in cells.items():
            for key in rest:
                accumulator, panes, pending = value
                self._restore_key((end, start), key, self.load(accumulator), panes, pending)
        self.schedule()

    def _restore_key(self, place: _Place, key: Any, accumulator: Any, panes: int, kept: Any) -> None:
        found = self._open[place]
        found.settled[key] = accumulator
        if panes:
            found.panes[key] = panes
        pending = self.restored(kept, (place, key))
        if pending is not None:
            found.pending[key] = pending

    def explain(self) -> dict[str, object]:
        ends = sorted(end for (end, _), each in self._open.items() if not each.closed)
        return {
            "held": self.held,
            "open windows": len(ends),
            "closed windows that still take late items": len(self._open) - len(ends),
            "next window ends": as_datetime(ends[0]).isoformat() if ends else None,
            "keys": sum(len(each.all()) for each in self._open.values()),
        }
