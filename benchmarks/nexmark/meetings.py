"""The unbounded joins q3 and q20 as functions of a state and an event, for peers that keep a state for each key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nexmark import functions as f
from nexmark.model import Event, Row

__all__ = ["MEETINGS", "Meeting", "Met"]


@dataclass(slots=True)
class Met:
    """What came so far of a key: the one; or, as long as it has not come, those that wait for it."""

    one: Any = None
    waiting: list[Any] = field(default_factory=list[Any])


@dataclass(frozen=True)
class Meeting:
    """A join of one with many of the same key.

    Attributes:
        takes: whether it looks at an event.
        key: of an event that it takes.
        is_one: whether an event is the one.
        keeps: whether a pair is wanted.
        row: of such a pair.
    """

    takes: Callable[[Event], bool]
    key: Callable[[Any], int]
    is_one: Callable[[Event], bool]
    keeps: Callable[[Any], bool]
    row: Callable[[Any], Row]

    def step(self, state: Met | None, event: Event) -> tuple[Met, list[Row]]:
        """The rows that an event makes, and the state after it."""
        state = Met() if state is None else state
        if self.is_one(event):
            state.one, waiting, state.waiting = event, state.waiting, []
            pairs = [(event, each) for each in waiting]
        elif state.one is None:
            state.waiting.append(event)
            return state, []
        else:
            pairs = [(state.one, event)]
        return state, [self.row(pair) for pair in pairs if self.keeps(pair)]


def _is_suggestion(event: Event) -> bool:
    return f.is_person(event) or (f.is_auction(event) and f.is_wanted(event))


def _seller(event: Any) -> int:
    return f.person_id(event) if f.is_person(event) else f.seller(event)


MEETINGS: Final[Mapping[str, Meeting]] = {
    "q3": Meeting(_is_suggestion, _seller, f.is_person, f.is_near, f.suggested),
    "q20": Meeting(lambda event: not f.is_person(event), f.auction_of_either, f.is_auction, f.is_expanded, f.expanded),
}
