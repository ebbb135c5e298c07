"""The unbounded joins q3 and q20: a state for each key, and for peers all that is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from nexmark import functions as f
from nexmark.model import Event, Row

__all__ = ["MEETINGS", "Meeting", "Met"]

O = TypeVar("O")  # noqa: E741  # one
M = TypeVar("M")  # many


@dataclass(slots=True)
class Met(Generic[O, M]):
    """What came so far of a key: the one; or, as long as it has not come, those that wait for it.

    The one is kept for ever: more may come.
    """

    one: O | None = None
    waiting: list[M] = field(default_factory=list[M])

    def come(self, one: O) -> list[tuple[O, M]]:
        """The pairs that the one makes."""
        self.one, waiting, self.waiting = one, self.waiting, []
        return [(one, each) for each in waiting]

    def meet(self, item: M) -> list[tuple[O, M]]:
        """The pair that one of the many makes, if the one is there."""
        if self.one is not None:
            return [(self.one, item)]
        self.waiting.append(item)
        return []


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

    def step(self, state: Met[Any, Any] | None, event: Event) -> tuple[Met[Any, Any], list[Row]]:
        """The state after an event, and the rows that it makes."""
        state = Met[Any, Any]() if state is None else state
        pairs = state.come(event) if self.is_one(event) else state.meet(event)
        return state, [self.row(pair) for pair in pairs if self.keeps(pair)]


def _is_suggestion(event: Event) -> bool:
    return f.is_no_bid(event) and f.is_person_or_wanted(event)


MEETINGS: Final[Mapping[str, Meeting]] = {
    "q3": Meeting(_is_suggestion, f.person_of_either, f.is_person, f.is_near, f.suggested),
    "q20": Meeting(f.is_no_person, f.auction_of_either, f.is_auction, f.is_expanded, f.expanded),
}
