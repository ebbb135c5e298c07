"""The events that times are taken with, in a file of its own since every contestant reads them."""

from __future__ import annotations

from functools import cache
from typing import Final

from nexmark.events import START, Timeline, generate
from nexmark.model import Event

__all__ = ["BOUND", "events"]

BOUND: Final = 5_000_000
"""Microseconds that an event arrives at most after a later one."""

MIDNIGHT: Final = START + (5 * 60 + 10) * 60 * 1_000_000


@cache
def events(count: int) -> list[Event]:
    """In the order of their arrival, from ten seconds before a midnight on, so that a day ends among them."""
    return list(generate(1, count, Timeline(start=MIDNIGHT - 10_000_000, out_of_order=BOUND)))
