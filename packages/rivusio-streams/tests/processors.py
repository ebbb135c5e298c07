"""Processors for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rivusio_streams import Context, Processor, Stream, Timer
from rivusio_streams.testing import Harness

__all__ = ["SECOND", "Doing", "Seen", "Silent", "by_word", "counted", "kept"]

SECOND = 1_000_000
Seen = tuple[str, str, str, int]


@dataclass(frozen=True)
class Silent(Processor[str, str, int, Seen]):
    """Says after a while that a key is silent, by event time or by the clock."""

    by_clock: bool = False

    def create(self) -> int:
        return 0

    def on_item(self, item: str, context: Context[str, int]) -> None:
        context.state += 1
        if self.by_clock:
            context.set_clock_timer("10s")
        else:
            context.set_timer(context.time + 10 * SECOND)

    def on_timer(self, timer: Timer, context: Context[str, int]) -> Iterator[Seen]:
        yield context.key, timer.name, timer.by, context.state
        context.clear()


@dataclass(frozen=True)
class Doing(Processor[str, str, int, Any]):
    """Does what functions say."""

    item: Callable[[str, Context[str, int]], Iterable[Any] | None]
    timer: Callable[[Timer, Context[str, int]], Iterable[Any] | None] = lambda timer, context: [timer]

    def create(self) -> int:
        return 0

    def on_item(self, item: str, context: Context[str, int]) -> Iterable[Any] | None:
        return self.item(item, context)

    def on_timer(self, timer: Timer, context: Context[str, int]) -> Iterable[Any] | None:
        return self.timer(timer, context)


def by_word(source: Any) -> Any:
    return Stream.read(source).key_by(lambda word: word[0])


def kept(h: Harness[Any], step: str = "process") -> dict[str, Any]:
    [state] = [each.state for each in h.explain().steps if each.name == step]
    return {name: state[name] for name in ("keys", "timers") if name in state}


def counted(word: str, context: Context[str, int]) -> list[tuple[str, int]]:
    context.state += 1
    return [(context.key, context.state)]
