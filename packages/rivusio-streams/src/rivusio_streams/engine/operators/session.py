"""Session windows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operators.early import Pending
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.windowing import WindowOperator
from rivusio_streams.moment import FOREVER, as_datetime
from rivusio_streams.windows import Session, Timing, window_of

__all__ = ["SessionOperator"]


@dataclass(slots=True, eq=False)
class _Session:
    """Items of a key that are together.

    Attributes:
        key: of the items.
        first: the earliest time.
        last: the latest time.
        order: when the first of them came, compared with other sessions.
        accumulator: of the items; NOTHING where all were given already and panes do not accumulate.
        panes: how many results were given.
        held: items that wait for it to close.
        closed: its on-time result was given.
        pending: what the trigger remembers.
        awaited: end, first and order as they were when it was last put among those that close.
        gone: it became part of another, or is over.
    """

    key: Any
    first: int
    last: int
    order: int
    accumulator: Any = NOTHING
    panes: int = 0
    held: int = 0
    closed: bool = False
    pending: Pending | None = None
    awaited: tuple[int, int, int] | None = None
    gone: bool = False


class SessionOperator(WindowOperator):
    """Windows of items that follow each other closely.

    Args:
        name: of the step.
        windows: how closely.
        settings: see `WindowOperator`.
    """

    def __init__(self, name: str, windows: Session, *settings: Any) -> None:
        super().__init__(name, *settings)
        self._gap = windows.length
        self._sessions: dict[Any, list[_Session]] = {}
        """By key, in the order of their times; a key that has none is not here."""
        self._order, self._entry = count(), count()
        # Entries are left behind where a session changes or goes: what comes out is compared with the session.
        self._closing: list[tuple[int, int, int, int, _Session]] = []
        self._dropping: list[tuple[int, int, _Session]] = []

    # --------------------------------------------------------------------------------------------------- items

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        own = self._sessions.get(key)
        near = self._near(own or [], time)
        if not near and time + self._gap + self.allowed <= mark:
            return False
        self.touched.add(key)
        session = self._joined(key, value, time, near)
        if session.last + self._gap > mark:
            session.closed = False
            session.held += 1
            self.held += 1
            self._await_end(session)
            session.pending = self.heed(session.pending, session, value, time, mark)
        else:
            session.closed = True
            self._await_drop(session)
            self._give(session, mark, "late")
        self.schedule()
        return True

    def _near(self, own: list[_Session], time: int) -> list[_Session]:
        """The sessions that a time belongs to: they lie side by side."""
        start = stop = bisect_right(own, time - self._gap, key=_last)
        while stop < len(own) and own[stop].first - self._gap < time:
            stop += 1
        return own[start:stop]

    def _joined(self, key: Any, value: Any, time: int, near: list[_Session]) -> _Session:
        """The session of a new item: a new one, one that grows, or several that become one."""
        if not near:
            made = _Session(key, time, time, next(self._order), self.with_value(NOTHING, value, time))
            insort(self._sessions.setdefault(key, []), made, key=_last)
            return made
        near.sort(key=lambda each: each.order)
        session = near[0]
        if len(near) > 1:
            self.check_value(value, time)
            self._merge(session, near[1:])
        session.accumulator = self.with_value(session.accumulator, value, time)
        session.first, session.last = min(session.first, time), max(session.last, time)
        return session

    def _merge(self, session: _Session, others: list[_Session]) -> None:
        """Take other sessions, which began to come later, into one."""
        pendings = [each.pending for each in (session, *others) if each.pending is not None]
        for other in others:
            if session.accumulator is NOTHING or other.accumulator is NOTHING:
                one, two = session.accumulator, other.accumulator
                session.accumulator = two if one is NOTHING else one
            else:
                session.accumulator = self.fold.merge(session.accumulator, other.accumulator)
            self._forget(other)
            session.first, session.last = min(session.first, other.first), max(session.last, other.last)
            session.panes, session.held = max(session.panes, other.panes), session.held + other.held
        session.pending = None if self.early is None else self.early.merged(pendings, session)

    def _forget(self, session: _Session) -> None:
        self.touched.add(session.key)
        session.gone = True
        own = self._sessions[session.key]
        del own[bisect_left(own, session.last, key=_last)]
        if not own:
            del self._sessions[session.key]

    # ------------------------------------------------------------------------------------------------- time passes

    def _await_end(self, session: _Session) -> None:
        """Have the session looked at when it may end; where it has only grown, it still will be."""
        now = (session.last + self._gap, session.first, session.order)
        if session.awaited is None or session.awaited[1:] != now[1:]:
            session.awaited = now
            heappush(self._closing, (*now, next(self._entry), session))

    def _await_drop(self, session: _Session) -> None:
        heappush(self._dropping, (session.last + self._gap + self.allowed, next(self._entry), session))

    def schedule(self) -> None:
        closing = self._closing[0][0] if self._closing else FOREVER
        dropping = self._dropping[0][0] if self._dropping else FOREVER
        self.next = min(closing, dropping)
        if self.early is not None:
            self.next, self.due = min(self.next, self.early.next), self.early.due

    def advance(self, watermark: int) -> None:
        while self._closing and self._closing[0][0] <= watermark:
            end, first, order, _, session = heappop(self._closing)
            if session.gone or session.awaited != (end, first, order):
                continue
            session.awaited = None
            if session.last + self._gap > end:
                self._await_end(session)
            else:
                self.give_due(end - 1)
                self._close(session)
        self.give_due(watermark)
        while self._dropping and self._dropping[0][0] <= watermark:
            drop, _, session = heappop(self._dropping)
            if session.closed and not session.gone and session.last + self._gap + self.allowed == drop:
                self._forget(session)
        self.schedule()

    def _close(self, session: _Session) -> None:
        self.touched.add(session.key)
        self.held -= session.held
        session.held, session.closed = 0, True
        if session.pending is not None:
            session.pending.over, session.pending = True, None
        if session.accumulator is not NOTHING:
            self._give(session, session.last + self._gap - 1, "on_time")
        if self.allowed:
            self._await_drop(session)
        else:
            self._forget(session)

    def give_early(self, where: _Session, mark: int) -> None:
        self.touched.add(where.key)
        where.pending = None
        self._give(where, mark, "early")

    def _give(self, session: _Session, mark: int, timing: Timing) -> None:
        end = session.last + self._gap
        window = window_of(session.first, end)
        self.give_pane(session.key, window, session.accumulator, session.panes, timing, end - 1, mark)
        session.panes += 1
        if not self.accumulate:
            session.accumulator = NOTHING

    # --------------------------------------------------------------------------------------------------- snapshots

    # A cell for each key: its sessions.

    def header(self) -> object:
        return self.early_order

    def cell(self, cell: Any) -> object:
        own = self._sessions.get(cell)
        return GONE if own is None else [self._kept(each) for each in own]

    def _kept(self, each: _Session) -> object:
        return (
            each.first,
            each.last,
            each.order,
            self.dump(each.accumulator),
            each.panes,
            each.held,
            each.closed,
            None if each.pending is None else each.pending.kept(),
        )

    def cells(self) -> Iterable[Any]:
        return self._sessions

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self.early_order = header
        for key, own in cells.items():
            for first, last, order, kept, panes, held, closed, pending in own:
                session = _Session(key, first, last, order, self.load(kept), panes, held, closed)
                session.pending = self.restored(pending, session)
                self._sessions.setdefault(key, []).append(session)
                (self._await_drop if closed else self._await_end)(session)
        self._order = count(1 + max((each.order for own in self._sessions.values() for each in own), default=-1))
        self.schedule()

    divisible = True

    def header_of(self, headers: Sequence[Any]) -> object:
        return max(headers)

    def explain(self) -> dict[str, object]:
        found = [each for own in self._sessions.values() for each in own]
        ends = [each.last + self._gap for each in found if not each.closed]
        return {
            "held": self.held,
            "keys": len(self._sessions),
            "open sessions": len(ends),
            "closed sessions that still take late items": len(found) - len(ends),
            "next session ends": as_datetime(min(ends)).isoformat() if ends else None,
        }


def _last(session: _Session) -> int:
    return session.last
