"""Queries that look at one bid at a time: comprehensions."""

from __future__ import annotations

from collections.abc import Sequence

from nexmark import functions as f
from nexmark.model import Event, Row

__all__ = ["q0", "q1", "q2", "q10", "q13", "q14", "q21", "q22"]


def q0(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, passed = f.is_bid, f.passed
    return [passed(event) for event in events if is_bid(event)]


def q1(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, in_euros = f.is_bid, f.in_euros
    return [in_euros(event) for event in events if is_bid(event)]


def q2(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, is_selected, selected = f.is_bid, f.is_selected, f.selected
    return [selected(event) for event in events if is_bid(event) and is_selected(event)]


def q10(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, partitioned = f.is_bid, f.partitioned
    return [partitioned(event) for event in events if is_bid(event)]


def q13(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, last_digits, with_side_input, get = f.is_bid, f.last_digits, f.with_side_input, f.SIDE_INPUT.get
    return [
        with_side_input(event, found)
        for event in events
        if is_bid(event) and (found := get(last_digits(event))) is not None
    ]


def q14(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, priced, is_middling, calculated = f.is_bid, f.priced, f.is_middling, f.calculated
    return [calculated(bid) for event in events if is_bid(event) and is_middling(bid := priced(event))]


def q21(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, with_channel_id, has_channel_id = f.is_bid, f.with_channel_id, f.has_channel_id
    return [row for event in events if is_bid(event) and has_channel_id(row := with_channel_id(event))]


def q22(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, with_directories = f.is_bid, f.with_directories
    return [with_directories(event) for event in events if is_bid(event)]
