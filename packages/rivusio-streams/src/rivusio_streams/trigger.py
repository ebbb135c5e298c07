"""Triggers: when a window that is still open gives a result early.

Whatever the trigger says, a window gives its result when the watermark reaches its end, and again at once for each late
item that it still takes. `EarlyCount` and `EarlyEvery` are ready-made; `|` joins two. Derive from `Trigger` for others.

Example, a pane as soon as something large comes by:

    >>> class Large(Trigger[float, None]):
    ...     def create(self) -> None:
    ...         return None
    ...     def on_item(self, state: None, item: float, time: int) -> tuple[None, bool]:
    ...         return None, item > 100
    ...     def merge(self, left: None, right: None) -> None:
    ...         return None
    >>> Large().on_item(None, 101.0, 0)
    (None, True)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, Fault

__all__ = ["AnyOf", "EarlyCount", "EarlyEvery", "Trigger", "delays"]

T = TypeVar("T", contravariant=True)
S = TypeVar("S")


class Trigger(ABC, Generic[T, S]):
    """When an open window gives early panes. A value; what it remembers of a window and key is its state.

    The state begins anew with each pane that is given, and is kept in checkpoints: it should be a plain value.

    Attributes:
        delay: microseconds; a pane is given so long after the first item that no pane holds yet. None: never for that
            reason.
        by: whether `delay` counts event time (the watermark) or the clock.
    """

    delay: int | None = None
    by: Literal["event_time", "clock"] = "clock"

    @abstractmethod
    def create(self) -> S:
        """The state of a window and key in which nothing happened yet."""

    @abstractmethod
    def on_item(self, state: S, item: T, time: int) -> tuple[S, bool]:
        """An item came into the open window.

        Args:
            state: before it.
            item: what came.
            time: when it happened, microseconds since the epoch.

        Returns:
            The state after it; and whether a pane, which holds the item, is to be given at once.
        """

    @abstractmethod
    def merge(self, left: S, right: S) -> S:
        """The state of a session of which these two became one."""

    def __or__(self, other: Trigger[Any, Any]) -> Trigger[T, Any]:
        """Give a pane whenever one of the two does."""
        return AnyOf((*_parts(self), *_parts(other)))


@dataclass(frozen=True)
class EarlyCount(Trigger[object, int]):
    """A pane after every `n` items of a window and key.

    Raises:
        ConfigError: `n` is below 1.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ConfigError("EarlyCount", faults=[Fault(f"must be 1 or more, not {self.n}", "n")])

    def create(self) -> int:
        return 0

    def on_item(self, state: int, item: object, time: int) -> tuple[int, bool]:
        return state + 1, state + 1 >= self.n

    def merge(self, left: int, right: int) -> int:
        return left + right


@dataclass(frozen=True, init=False, repr=False)
class EarlyEvery(Trigger[object, None]):
    """A pane `period` after the first item that no pane holds yet: what is shown is never older than that.

    Args:
        period: how long.
        by: `"clock"`: it passes on the clock, whether anything comes or not. `"event_time"`: it has passed when the
            watermark is `period` past the item.

    Raises:
        ConfigError: `period` is not longer than 0.
    """

    delay: int | None
    by: Literal["event_time", "clock"]

    def __init__(self, period: Duration, *, by: Literal["event_time", "clock"] = "clock") -> None:
        length = microseconds(period, "period")
        if length <= 0:
            raise ConfigError("EarlyEvery", faults=[Fault("must be longer than 0", "period")])
        if by not in ("event_time", "clock"):
            raise ConfigError("EarlyEvery", faults=[Fault(f"is 'event_time' or 'clock', not {by!r}", "by")])
        object.__setattr__(self, "delay", length)
        object.__setattr__(self, "by", by)

    def create(self) -> None:
        return None

    def on_item(self, state: None, item: object, time: int) -> tuple[None, bool]:
        return None, False

    def merge(self, left: None, right: None) -> None:
        return None

    def __repr__(self) -> str:
        return f"EarlyEvery({duration_text(self.delay or 0)!r}, by={self.by!r})"


@dataclass(frozen=True)
class AnyOf(Trigger[Any, "tuple[Any, ...]"]):
    """A pane whenever one of several triggers gives one; made by `|`."""

    triggers: tuple[Trigger[Any, Any], ...]

    def create(self) -> tuple[Any, ...]:
        return tuple(each.create() for each in self.triggers)

    def on_item(self, state: tuple[Any, ...], item: Any, time: int) -> tuple[tuple[Any, ...], bool]:
        answers = [each.on_item(own, item, time) for each, own in zip(self.triggers, state, strict=True)]
        return tuple(own for own, _ in answers), any(fires for _, fires in answers)

    def merge(self, left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(each.merge(a, b) for each, a, b in zip(self.triggers, left, right, strict=True))


def _parts(trigger: Trigger[Any, Any]) -> tuple[Trigger[Any, Any], ...]:
    return trigger.triggers if isinstance(trigger, AnyOf) else (trigger,)


def delays(trigger: Trigger[Any, Any] | None) -> tuple[int | None, int | None]:
    """The shortest delay of a trigger by event time, and the shortest by the clock; microseconds."""
    parts = () if trigger is None else _parts(trigger)
    by_event = [each.delay for each in parts if each.delay is not None and each.by == "event_time"]
    by_clock = [each.delay for each in parts if each.delay is not None and each.by == "clock"]
    return min(by_event, default=None), min(by_clock, default=None)
