"""The queries that look at one bid at a time, as chains of maps and filters: how all peers get them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from contestant import Run

from nexmark import functions as f
from nexmark.model import Event
from nexmark.questions import NAMES
from nexmark.timed import events

__all__ = ["CHAINS", "DAYS", "ENDS", "JOINS", "STATEFUL", "WINDOWS", "WINNING", "Step", "chained"]


class Step(NamedTuple):
    """A step of a chain."""

    kind: Literal["map", "filter"]
    function: Callable[[Any], Any]


def _keep(predicate: Callable[[Any], bool]) -> Step:
    return Step("filter", predicate)


def _to(function: Callable[[Any], object]) -> Step:
    return Step("map", function)


CHAINS: Final[Mapping[str, Sequence[Step]]] = {
    "q0": (_keep(f.is_bid), _to(f.passed)),
    "q1": (_keep(f.is_bid), _to(f.in_euros)),
    "q2": (_keep(f.is_bid), _keep(f.is_selected), _to(f.selected)),
    "q10": (_keep(f.is_bid), _to(f.partitioned)),
    "q13": (_keep(f.is_bid), _to(f.looked_up), _keep(f.has_side_input)),
    "q14": (_keep(f.is_bid), _to(f.priced), _keep(f.is_middling), _to(f.calculated)),
    "q21": (_keep(f.is_bid), _to(f.with_channel_id), _keep(f.has_channel_id)),
    "q22": (_keep(f.is_bid), _to(f.with_directories)),
}

STATEFUL: Final = tuple(name for name in NAMES if name not in CHAINS)
"""The other ones. The rest says what they need."""

JOINS: Final = ("q3", "q20")
WINNING: Final = ("q4", "q6", "q9")
WINDOWS: Final = ("q5", "q7", "q8", "q11", "q12")
DAYS: Final = ("q15", "q16", "q17")
ENDS: Final = ("q18", "q19")


def chained(run: Callable[[list[Event], Sequence[Step]], list[Any]]) -> dict[str, Run]:
    """All chains, for a peer that runs one over events."""

    def of(steps: Sequence[Step]) -> Run:
        return Run(lambda count: run(events(count), steps))

    return {name: of(steps) for name, steps in CHAINS.items()}
