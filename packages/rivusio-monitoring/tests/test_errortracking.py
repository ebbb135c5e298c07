from __future__ import annotations

import gc
import weakref

import pytest
from monitoring_kit import StillClock, started

from rivusio_core import ConfigError, PipeError, pipe
from rivusio_core.duration import seconds
from rivusio_monitoring import MonitoringListener, MonitoringSettings
from rivusio_monitoring.errortracking import ErrorGroups, place


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:  # noqa: BLE001  # it is the one raised above
        return raised


def _failure(cause: Exception, position: int = 0) -> PipeError:
    return PipeError(pipe="parse", position=position, cause=_raised(cause))


def test_alike_errors_are_one_group_with_a_count() -> None:
    clock = StillClock()
    listener = MonitoringListener(clock=clock)
    run = started(listener)
    for position in range(3):
        clock.utc += 1_000_000
        listener.item_failed(run, _failure(ValueError(f"secret {position}"), position), "skip" if position else "fail")
    listener.item_failed(run, _failure(KeyError("secret")), "dead_letter")
    latest, first = listener.snapshot().errors
    assert (latest.error, latest.count, dict(latest.treatments)) == ("KeyError", 1, {"dead_letter": 1})
    assert (first.error, first.count, dict(first.treatments)) == ("ValueError", 3, {"fail": 1, "skip": 2})
    assert (first.run, first.step, first.position) == ("etl", "parse", 2)
    assert first.last - first.first == 2_000_000
    assert first.place.startswith("test_errortracking.py:")
    assert first.place.endswith(" in _raised")
    assert "secret" not in repr(listener.snapshot())


def test_the_group_not_seen_for_longest_makes_room() -> None:
    groups = ErrorGroups(limit=2)
    for cause in (ValueError(), KeyError(), ValueError(), OSError()):
        groups.add("etl", _failure(cause), "skip", 0)
    assert [group.error for group in groups.latest()] == ["OSError", "ValueError"]


def test_an_error_without_cause_or_traceback_is_known_by_its_class() -> None:
    groups = ErrorGroups(limit=2)
    groups.add("etl", PipeError("x", pipe="parse"), "fail", 0)
    (group,) = groups.latest()
    assert (group.error, group.place) == ("PipeError", "")


class _Referable(Exception):
    """Built-in exceptions cannot be weakly referenced."""


def test_errors_are_not_kept_alive() -> None:
    listener = MonitoringListener(MonitoringSettings())
    run, failure = started(listener), _failure(_Referable())
    assert failure.cause is not None
    listener.item_failed(run, failure, "skip")
    listener.run_ended(run, failure)
    gone = weakref.ref(failure.cause)
    del failure
    gc.collect()
    assert gone() is None


def test_the_place_is_the_pipe_not_what_calls_it_nor_what_it_calls() -> None:
    def helper() -> int:
        raise ValueError

    @pipe(on_error="skip")
    def outer(number: int) -> int:
        return helper() + number

    listener = MonitoringListener()
    assert list(outer.map([1, 2], listeners=[listener])) == []
    (group,) = listener.snapshot().errors
    assert group.count == 2
    assert group.place.endswith(" in outer")


def test_a_place_inside_the_core_alone_is_still_named() -> None:
    with pytest.raises(ConfigError) as caught:
        seconds("soon")
    trace = caught.value.__traceback__
    assert trace is not None
    assert place(caught.value.with_traceback(trace.tb_next)).startswith("duration.py:")
