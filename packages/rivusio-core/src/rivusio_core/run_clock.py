"""The clock of a run, for pipes that ask for the time or wait.

Example:
    >>> from typing import Annotated
    >>> from rivusio_core import Use, pipe, state
    >>> @pipe
    ... def stamp(text: str, *, clock: Annotated[Clock, Use(run_clock)] = state()) -> tuple[int, str]:
    ...     return clock.wall(), text
    >>> from rivusio_core.testing import VirtualClock
    >>> list(stamp.map(["a"], clock=VirtualClock(wall=7)))
    [(7, 'a')]
"""

from __future__ import annotations

from collections.abc import Iterator

from rivusio_core.clock import Clock, SystemClock
from rivusio_core.resource import resource

__all__ = ["run_clock"]


@resource
def run_clock() -> Iterator[Clock]:
    """The clock of the run, lent like a resource: the machine's, or the one that `clock=` of a test says."""
    yield SystemClock()  # for whoever opens it outside a run; a run lends its own
