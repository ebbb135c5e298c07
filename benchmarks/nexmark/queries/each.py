"""Queries that look at one bid at a time."""

from __future__ import annotations

from decimal import Decimal

from nexmark import functions as f
from nexmark.model import Event
from nexmark.queries.kinds import bids
from rivusio_streams import Stream

__all__ = ["q0", "q1", "q2", "q10", "q13", "q14", "q21", "q22"]


def q0(events: Stream[Event]) -> Stream[tuple[int, int, int, int, str]]:
    return bids(events).map(f.passed)


def q1(events: Stream[Event]) -> Stream[tuple[int, int, Decimal, int, str]]:
    return bids(events).map(f.in_euros)


def q2(events: Stream[Event]) -> Stream[tuple[int, int]]:
    return bids(events).filter(f.is_selected).map(f.selected)


def q10(events: Stream[Event]) -> Stream[tuple[int, int, int, int, str, str, str]]:
    return bids(events).map(f.partitioned)


def q13(events: Stream[Event]) -> Stream[tuple[int, int, int, int, str]]:
    known = bids(events).lookup(f.SIDE_INPUT.get, key=f.last_digits)
    return known.map(lambda each: f.with_side_input(each.left, each.right))


def q14(events: Stream[Event]) -> Stream[tuple[int, int, Decimal, str, int, str, int]]:
    return bids(events).map(f.priced).filter(f.is_middling).map(f.calculated)


def q21(events: Stream[Event]) -> Stream[tuple[int, int, int, str, str]]:
    return bids(events).map(f.with_channel_id).filter(f.has_channel_id)


def q22(events: Stream[Event]) -> Stream[tuple[int, int, int, str, str, str, str]]:
    return bids(events).map(f.with_directories)
