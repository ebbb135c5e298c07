"""For tests of streams: inputs driven by the test, time that jumps, restarts in the middle.

Example:
    >>> from rivusio_streams import Stream, Tumbling, agg
    >>> clicks = Input[str]("clicks")
    >>> counts = Stream.read(clicks).key_by(lambda page: page).window(Tumbling("10s")).aggregate(agg.count())
    >>> with Harness(counts) as h:
    ...     h.send(clicks, "home", at=1_000_000)
    ...     h.send(clicks, "home", at=4_000_000)
    ...     h.restart()
    ...     h.send(clicks, "away", at=11_000_000)
    ...     [(each.key, each.value) for each in h.take()]
    [('home', 2)]
"""

from rivusio_core.testing import Deadlock
from rivusio_streams.testing.crash import CrashReport, crash_check
from rivusio_streams.testing.faults import Crash, Faults, broken_sink, broken_source, broken_store
from rivusio_streams.testing.harness import Harness
from rivusio_streams.testing.input import Input
from rivusio_streams.testing.shuffle import Sent, shuffle_check
from rivusio_streams.testing.stores import check_store

__all__ = [
    "Crash",
    "CrashReport",
    "Deadlock",
    "Faults",
    "Harness",
    "Input",
    "Sent",
    "broken_sink",
    "broken_source",
    "broken_store",
    "check_store",
    "crash_check",
    "shuffle_check",
]
