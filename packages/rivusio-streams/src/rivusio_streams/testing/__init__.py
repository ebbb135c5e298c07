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
from rivusio_streams.testing.harness import Harness
from rivusio_streams.testing.input import Input
from rivusio_streams.testing.shuffle import Sent, shuffle_check

__all__ = ["Deadlock", "Harness", "Input", "Sent", "shuffle_check"]
