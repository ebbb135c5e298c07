"""The queries with Rivusio."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from nexmark import functions as f
from nexmark.model import Event, Row
from nexmark.queries import QUERIES
from rivusio_core import Listener
from rivusio_streams import RunConfig, Stream

__all__ = ["TIMELESS", "answer"]

TIMELESS: Final = frozenset({"q0", "q1", "q2", "q3", "q10", "q13", "q14", "q20", "q21", "q22"})
"""Queries for which it does not matter when an event happened: their streams have no event time."""


def answer(name: str, events: Sequence[Event], out_of_order: int, *listeners: Listener) -> list[Row]:
    """What the stream gives.

    Args:
        name: of the query.
        events: in the order of their arrival.
        out_of_order: microseconds.
        listeners: of the run.

    Raises:
        RuntimeError: an event was late or unaccounted for.
    """
    rows, stream = list[Row](), Stream.read(events)
    if name not in TIMELESS:
        stream = stream.event_time(f.at, out_of_order=timedelta(microseconds=out_of_order))
    report = QUERIES[name](stream).write(rows).run(RunConfig(listeners=listeners))
    late = sum(step.late for step in report.steps.values())
    if late or report.ledger.unaccounted:
        raise RuntimeError(f"{name}: {late} items were late, {report.ledger.unaccounted} unaccounted for")
    return rows
