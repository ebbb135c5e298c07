"""What joins should give, in the plainest way: nested loops over everything that has happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rivusio_streams import Joined, KeyedStream, Stream, Tumbling, Window
from rivusio_streams.moment import FOREVER, NEVER, as_datetime
from rivusio_streams.testing import Input


@dataclass(frozen=True)
class Item:
    """Times are microseconds; `number` tells items apart."""

    time: int
    key: str = "a"
    number: int = 0
    value: int | None = 0


Result = Joined[str, Item | None, Any]


def keyed(source: Input[Item], bound: int = 0) -> KeyedStream[str, Item]:
    timed = Stream.read(source).event_time(lambda item: item.time, out_of_order=f"{bound}us")
    return timed.key_by(lambda item: item.key)


# ------------------------------------------------------------------------------------------------------- event time


@dataclass
class Side:
    """The watermarks of one input: the smallest one of its partitions that are not idle."""

    bound: int
    reached: list[int]
    idle: set[int] = field(default_factory=set[int])
    combined: int = NEVER

    def combine(self) -> None:
        active = [each for index, each in enumerate(self.reached) if index not in self.idle]
        if active and not (self.idle and min(active) == FOREVER):
            self.combined = max(self.combined, min(active))

    @property
    def is_idle(self) -> bool:
        return all(each == FOREVER or index in self.idle for index, each in enumerate(self.reached)) and bool(self.idle)


@dataclass
class Time:
    """Those of both inputs: the smaller one, unless it is idle."""

    sides: tuple[Side, Side]
    waits: list[bool] = field(default_factory=lambda: [True, True])
    """By side: it is not idle."""
    combined: int = NEVER

    def combine(self) -> None:
        active = [each.combined for each, waits in zip(self.sides, self.waits, strict=True) if waits]
        if active and not (not all(self.waits) and min(active) == FOREVER):
            self.combined = max(self.combined, min(active))

    def item(self, side: int, partition: int, time: int) -> int:
        """The watermark just before an item, which then moves it."""
        own = self.sides[side]
        own.idle.discard(partition)
        own.combine()
        self.waits[side] = True
        self.combine()
        before = self.combined
        own.reached[partition] = max(own.reached[partition], time - own.bound)
        own.combine()
        self.combine()
        return before

    def go_idle(self, side: int, partition: int) -> None:
        own = self.sides[side]
        own.idle.add(partition)
        own.combine()
        self.waits[side] = not own.is_idle
        self.combine()

    def end(self, side: int) -> None:
        own = self.sides[side]
        own.idle.clear()
        own.reached[:] = [FOREVER] * len(own.reached)
        own.combine()
        self.waits[side] = True
        self.combine()


# ------------------------------------------------------------------------------------------------------------ joins

Sides = tuple[Sequence[Item], Sequence[Item]]
"""The items that were taken, of each side in the order of arrival."""


@dataclass(frozen=True)
class Kind:
    """A join, and what it should give.

    Attributes:
        make: the stream under test.
        takes: the items of this time are taken at this watermark.
        gives: the results so far, given what was taken and the watermark now.
        ordered: results come in this order.
    """

    make: Callable[[KeyedStream[str, Item], KeyedStream[str, Item]], Stream[Any]]
    takes: Callable[[int, int], bool]
    gives: Callable[[Sides, int], list[Any]]
    ordered: bool


def by_time(items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda item: item.time)


def in_window(window: Window, lefts: Sequence[Item], rights: Sequence[Item], how: Any) -> list[Result]:
    """The results of one window, given its items by time."""
    found = list[Result]()
    for left in lefts:
        partners = [right for right in rights if right.key == left.key]
        found += [Joined(left.key, left, right, window) for right in partners]
        if not partners and how in ("left", "outer"):
            found.append(Joined(left.key, left, None, window))
    for right in rights:
        if how in ("right", "outer") and all(left.key != right.key for left in lefts):
            found.append(Joined(right.key, None, right, window))
    return found


def hopping_results(sides: Sides, size: int, every: int, how: Any) -> list[Result]:
    """Of all windows, where nothing was late."""
    begins = {
        item.time // every * every - n * every for side in sides for item in side for n in range(size // every + 1)
    }
    found = list[Result]()
    for begin in sorted(begins):
        own = [[item for item in by_time(side) if begin <= item.time < begin + size] for side in sides]
        found += in_window(Window(as_datetime(begin), as_datetime(begin + size)), own[0], own[1], how)
    return found


def session_results(sides: Sides, gap: int, how: Any) -> list[Result]:
    """Of all sessions, where nothing was late; those with the same interval are given as one."""
    sessions = defaultdict[tuple[int, int], list[Item]](list)
    for key in {item.key for side in sides for item in side}:
        session = list[Item]()
        for item in by_time([item for side in sides for item in side if item.key == key]):
            if session and item.time - session[-1].time >= gap:
                sessions[session[-1].time + gap, session[0].time] += session
                session = []
            session.append(item)
        sessions[session[-1].time + gap, session[0].time] += session
    found = list[Result]()
    for (end, begin), together in sorted(sessions.items()):
        own = [[item for item in by_time(side) if item in together] for side in sides]
        found += in_window(Window(as_datetime(begin), as_datetime(end)), own[0], own[1], how)
    return found


def window_join(size: int, how: Any) -> Kind:
    def start(item: Item) -> int:
        return item.time // size * size

    def gives(sides: Sides, watermark: int) -> list[Result]:
        found = list[Result]()
        for begin in sorted({start(item) for side in sides for item in side}):
            if begin + size <= watermark:
                own = [[item for item in by_time(side) if start(item) == begin] for side in sides]
                found += in_window(Window(as_datetime(begin), as_datetime(begin + size)), own[0], own[1], how)
        return found

    return Kind(
        lambda a, b: a.join(b, window=Tumbling(f"{size}us"), how=how),
        lambda time, watermark: watermark < time // size * size + size,
        gives,
        ordered=True,
    )


def interval_join(lower: int, upper: int, how: Any) -> Kind:
    def gives(sides: Sides, watermark: int) -> list[Result]:
        found = list[Result]()
        lefts, rights = sides

        def match(left: Item, right: Item) -> bool:
            return left.key == right.key and lower <= right.time - left.time <= upper

        found += [Joined(left.key, left, right) for left in lefts for right in rights if match(left, right)]
        for left in lefts:
            over = watermark > left.time + upper and not any(match(left, right) for right in rights)
            if how in ("left", "outer") and over:
                found.append(Joined(left.key, left, None))
        for right in rights:
            over = watermark > right.time - lower and not any(match(left, right) for left in lefts)
            if how in ("right", "outer") and over:
                found.append(Joined(right.key, None, right))
        return found

    return Kind(
        lambda a, b: a.interval_join(b, lower=f"{lower}us", upper=f"{upper}us", how=how),
        lambda time, watermark: time >= watermark,
        gives,
        ordered=False,
    )


def _latest(sides: Sides, watermark: int, how: Any, value: Callable[[Item, Item], Any]) -> list[Any]:
    found = list[Any]()
    for left in by_time(sides[0]):
        if left.time < watermark:
            before = [right for right in by_time(sides[1]) if right.key == left.key and right.time <= left.time]
            right = value(left, before[-1]) if before else None
            if right is not None or how == "left":
                found.append(Joined(left.key, left, right))
    return found


def asof_join(tolerance: int | None, how: Any) -> Kind:
    def near(left: Item, right: Item) -> Item | None:
        return right if tolerance is None or left.time - right.time <= tolerance else None

    text = None if tolerance is None else f"{tolerance}us"
    return Kind(
        lambda a, b: a.asof_join(b, tolerance=text, how=how),
        lambda time, watermark: time >= watermark,
        lambda sides, watermark: _latest(sides, watermark, how, near),
        ordered=True,
    )


def table_join(ttl: int | None, how: Any) -> Kind:
    def lasting(left: Item, right: Item) -> int | None:
        return right.value if ttl is None or left.time - right.time < ttl else None

    text = None if ttl is None else f"{ttl}us"
    return Kind(
        lambda a, b: a.table_join(b.table(of=lambda item: item.value, ttl=text), how=how),
        lambda time, watermark: time >= watermark,
        lambda sides, watermark: _latest(sides, watermark, how, lasting),
        ordered=True,
    )
