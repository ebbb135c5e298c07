"""Keyed state and timers in user code: what `KeyedStream.process` takes.

Example, which sensors gave nothing for ten minutes:

    >>> from rivusio_streams import Stream
    >>> class Silence(Processor[str, tuple[str, int], int, str]):
    ...     def create(self) -> int:
    ...         return 0
    ...     def on_item(self, item: tuple[str, int], context: Context[str, int]) -> None:
    ...         context.state += 1
    ...         context.set_timer(item[1] + 600_000_000)  # in place of the one set before
    ...     def on_timer(self, timer: Timer, context: Context[str, int]) -> list[str]:
    ...         return [f"{context.key}: silent after {context.state}"]
    >>> readings = [("a", 0), ("b", 1_000_000), ("a", 2_000_000), ("a", 700_000_000)]
    >>> alerts: list[str] = []
    >>> stream = Stream.read(readings).event_time(lambda reading: reading[1]).key_by(lambda reading: reading[0])
    >>> report = stream.process(Silence()).write(alerts).run()
    >>> alerts
    ['b: silent after 1', 'a: silent after 3']
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeAlias, TypeVar

from rivusio_core.duration import Duration

__all__ = ["Context", "Processor", "TimeKind", "Timer"]

TimeKind: TypeAlias = Literal["event_time", "clock"]
"""What time is counted by: the watermark, or the clock of the run."""

Key = TypeVar("Key", contravariant=True)
K = TypeVar("K", covariant=True)
T = TypeVar("T", contravariant=True)
S = TypeVar("S")
R = TypeVar("R", covariant=True)


@dataclass(frozen=True, init=False)
class Timer:
    """A timer that fires.

    Attributes:
        name: as it was set; timers of a key are told apart by it.
        at: microseconds since the epoch: the time for which it was set; for one of the clock, when it fires.
        by: event time, or the clock.
    """

    name: str
    at: int
    by: TimeKind

    def __init__(self, name: str, at: int, by: TimeKind) -> None:
        made = self.__dict__  # one is made for each that fires; the usual way of frozen ones takes twice as long
        made["name"], made["at"], made["by"] = name, at, by


class Context(ABC, Generic[K, S]):
    """What a processor knows and may do during one call; not valid afterwards.

    A call that raises changes nothing: its results, timers, `clear` and whatever it assigned to `state` are dropped.
    Only what it changed *inside* of a mutable state stays changed; where a call may fail, assign a new value instead.
    """

    @property
    @abstractmethod
    def key(self) -> K:
        """The key of the item or timer."""

    @property
    @abstractmethod
    def time(self) -> int:
        """The event time of the item or timer, and of what is given: microseconds since the epoch.

        Of a clock timer it is the watermark. Where there is no event time (or none yet) it is the wall clock.
        """

    @property
    @abstractmethod
    def watermark(self) -> int:
        """How far event time has come, microseconds; just before the item. An item with an earlier time is late.

        For a timer of event time it is the timer's time. `-2**63` where there is no event time, or none yet.
        """

    @property
    @abstractmethod
    def state(self) -> S:
        """The state of the key; made by `create` when it is first asked for. It may be assigned."""

    @state.setter
    @abstractmethod
    def state(self, value: S) -> None: ...

    @abstractmethod
    def clear(self) -> None:
        """Forget the state and the timers of the key: nothing of it is left."""

    @abstractmethod
    def set_timer(self, at: datetime | int, name: str = "") -> None:
        """Have `on_timer` called when event time has come to `at`: by the first watermark that is `at` or later.

        Timers fire in the order of (time, when set), those of all keys. One whose time has come already fires right
        after this call. At the end of the input all fire.

        Args:
            at: an aware datetime, or microseconds since the epoch.
            name: tells timers of the key apart; a timer of the same name is replaced.

        Raises:
            Fatal: the stream has no event time, or `at` is no time.
        """

    @abstractmethod
    def set_clock_timer(self, after: Duration, name: str = "") -> None:
        """Have `on_timer` called when so much time has passed on the clock, whether anything comes or not.

        A checkpoint keeps how much of it is left. At the end of the input all fire, after those of event time.

        Args:
            after: how long from now; longer than 0.
            name: tells timers of the key apart; a timer of the same name is replaced.

        Raises:
            Fatal: `after` is no such duration.
        """

    @abstractmethod
    def cancel_timer(self, name: str = "") -> None:
        """Have a timer not fire; nothing happens if there is none of this name."""


class Processor(ABC, Generic[Key, T, S, R]):
    """Handles the items of each key one by one, with state and timers: keys `Key`, items `T`, state `S`, results `R`.

    A processor is a value: it keeps nothing itself, all that it remembers is in `context.state`. It is called from the
    run's event loop and must not block.

    An error of `on_item` is treated like that of a pipe: a `BadRecord` costs the item, anything else ends the run. An
    error of `on_timer` ends the run, whatever it is: no item is at fault.

    At the end of the input the timers that are left fire, by event time in the order of (time, when set), then by the
    clock. Timers that `on_timer` sets then fire as well, but each name of a key only once: one that sets itself again
    and again ends there. When a run is stopped nothing fires.
    """

    @abstractmethod
    def create(self) -> S:
        """The state of a key that has none: a number, a list, a dict, a dataclass, a pydantic model, ...

        It is kept in checkpoints. Make a new one each time if it can be changed in place.
        """

    @abstractmethod
    def on_item(self, item: T, context: Context[Key, S]) -> Iterable[R] | None:
        """An item came; may be a generator. What is given has the time of the item."""

    def on_timer(self, timer: Timer, context: Context[Key, S]) -> Iterable[R] | None:
        """A timer fired; may be a generator. What is given has the time for which the timer was set."""
        return None
