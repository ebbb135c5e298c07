"""Listeners hear of everything, and cannot hurt a run: one that raises is reported once, then switched off."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest
from sample_pipes import aadd, add, parse

from rivusio_core import Listener, PipeError, RunInfo, Tally
from rivusio_core.listener import Listeners, Treatment

RUN = RunInfo("run", "1")


class Ears(Listener):
    """Notes what it hears; raises at the calls that it is told."""

    def __init__(self, *, raises_at: range = range(0)) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.raises_at = raises_at

    def _hear(self, *what: object) -> None:
        self.heard.append(what)
        if len(self.heard) - 1 in self.raises_at:
            raise ValueError("deaf")

    def run_started(self, run: RunInfo) -> None:
        self._hear("started", run)

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        self._hear("ended", run, error)

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        self._hear("ran", run, step, tally)

    def item_failed(self, run: RunInfo, error: PipeError, treatment: Treatment) -> None:
        self._hear("failed", run, error, treatment)

    def channel_filled(self, run: RunInfo, channel: str, items: int, capacity: int) -> None:
        self._hear("filled", run, channel, items, capacity)

    def watermark_moved(self, run: RunInfo, step: str, watermark: int, wall: int) -> None:
        self._hear("moved", run, step, watermark, wall)

    def loop_blocked(self, run: RunInfo, step: str | None, seconds: float, stack: Sequence[str]) -> None:
        self._hear("blocked", run, step, seconds, stack)


def tell_all(listener: Listener) -> list[tuple[object, ...]]:
    """Tell it one of each, and say what it should have heard."""
    error, tally = PipeError("no"), Tally(taken=1, failed=1)
    listener.run_started(RUN)
    listener.step_ran(RUN, "step", tally, 0.1)
    listener.item_failed(RUN, error, "skip")
    listener.channel_filled(RUN, "a -> b", 3, 8)
    listener.watermark_moved(RUN, "window", 5, 7)
    listener.loop_blocked(RUN, "step", 1.5, ("a.py:1 in f",))
    listener.run_ended(RUN, error)
    return [
        ("started", RUN),
        ("ran", RUN, "step", tally),
        ("failed", RUN, error, "skip"),
        ("filled", RUN, "a -> b", 3, 8),
        ("moved", RUN, "window", 5, 7),
        ("blocked", RUN, "step", 1.5, ("a.py:1 in f",)),
        ("ended", RUN, error),
    ]


def test_several_listeners_hear_everything_as_one_would() -> None:
    first, second = Ears(), Ears()
    told = tell_all(Listeners([first, second]))
    assert first.heard == second.heard == told
    assert not Listeners()
    assert Listeners([first])


def test_what_a_listener_does_not_override_does_nothing() -> None:
    quiet, ears = Listener(), Ears()
    several = Listeners([quiet, ears])
    assert ears.heard == tell_all(several)
    assert several.disabled == ()


@pytest.mark.parametrize("last", [add, aadd], ids=["sync", "async"])
def test_a_listener_that_raises_is_reported_once_then_switched_off(last: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Promise: observer hook raises: told once, counted, and off after ten in a row; data goes on."""
    broken, sound = Ears(raises_at=range(1_000_000)), Ears()
    pipeline = parse.with_options(on_error="skip") >> last
    with caplog.at_level(logging.ERROR, logger="rivusio"):
        assert list(pipeline.map(["1", "x"] * 50, listeners=[broken, sound])) == [2] * 50
    assert len(broken.heard) == 10
    assert sum(what[0] == "failed" for what in sound.heard) == 50
    assert sound.heard[-1][0] == "ended"
    first, off = caplog.records
    assert "listener Ears raised; data goes on" in first.getMessage()
    assert first.exc_info is not None
    assert "switched off" in off.getMessage()


def test_a_listener_that_takes_long_is_switched_off_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise: observer hook hangs: the run waits for it ten times, and then no more."""
    ears = Ears()
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, logger="rivusio"):
        patch.setattr("rivusio_core.listener._LONG", 0.0)  # anything is long
        assert list((parse.with_options(on_error="skip") >> add).map(["1", "x"] * 50, listeners=[ears])) == [2] * 50
    assert len(ears.heard) == 10
    first, off = caplog.records
    assert "listener Ears kept the run waiting for 0.0 s; data goes on" in first.getMessage()
    assert "10 times in a row and is switched off" in off.getMessage()


def test_only_failures_in_a_row_switch_a_listener_off() -> None:
    ears = Ears(raises_at=range(9))
    several = Listeners([ears])
    for _ in range(4):
        tell_all(several)
    assert len(ears.heard) == 28
    assert list(several.disabled) == []
    ears.raises_at = range(28, 1_000)
    tell_all(several)
    assert list(several.disabled) == []
    tell_all(several)
    assert list(several.disabled) == [ears]
    assert len(ears.heard) == 38


def test_an_interrupt_in_a_listener_is_not_swallowed() -> None:
    class Interrupted(Listener):
        def run_started(self, run: RunInfo) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(add.map([1], listeners=[Interrupted()]))


@pytest.mark.parametrize("count", [each.name for each in fields(Tally)])
def test_counts_are_added_one_by_one(count: str) -> None:
    tally = Tally(**{count: 2})
    tally.add(Tally(**{count: 3}))
    assert tally == Tally(**{count: 5})
