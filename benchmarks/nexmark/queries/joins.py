"""Queries that join events which may be any time apart, and arrive in either order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from nexmark import functions as f
from nexmark.model import Event
from nexmark.queries.kinds import auctions, bids, people
from rivusio_streams import Context, Stream

__all__ = ["q3", "q20"]

O = TypeVar("O")  # noqa: E741  # one
M = TypeVar("M")  # many


@dataclass(frozen=True, slots=True)
class One(Generic[O]):
    """The only item of its key on this side."""

    key: int
    item: O


@dataclass(frozen=True, slots=True)
class Many(Generic[M]):
    """One of any number of items of its key."""

    key: int
    item: M


@dataclass(slots=True)
class Met(Generic[O, M]):
    """What came so far of a key: the one; or, as long as it has not come, those that wait for it."""

    one: One[O] | None = None
    waiting: list[M] = field(default_factory=list[M])


def meet(item: One[O] | Many[M], context: Context[int, Met[O, M]]) -> Iterator[tuple[O, M]]:
    """Each of the many with its one, as soon as both are there. The one is kept for ever: more may come."""
    state = context.state
    if isinstance(item, One):
        state.one = item
        for waiting in state.waiting:
            yield item.item, waiting
        state.waiting.clear()
    elif state.one is not None:
        yield state.one.item, item.item
    else:
        state.waiting.append(item.item)


def meeting(
    ones: Stream[O], one_key: Callable[[O], int], many: Stream[M], many_key: Callable[[M], int]
) -> Stream[tuple[O, M]]:
    """The pairs of equal keys; a key has at most one of the first stream."""
    left = ones.map(lambda item: One(one_key(item), item))
    right = many.map(lambda item: Many(many_key(item), item))
    return left.merge(right).key_by(lambda item: item.key).process(meet, state=Met[O, M])


def q3(events: Stream[Event]) -> Stream[tuple[str, str, str, int]]:
    pairs = meeting(people(events), f.person_id, auctions(events).filter(f.is_wanted), f.seller)
    return pairs.filter(f.is_near).map(f.suggested)


def q20(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    pairs = meeting(auctions(events), f.auction_id, bids(events), f.auction_of)
    return pairs.filter(f.is_expanded).map(f.expanded)
