from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, fields
from threading import Barrier, Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit import StillClock, passed, series, started, value
from prometheus_client import generate_latest

from rivusio_core import PipeError, RunInfo, Tally
from rivusio_monitoring import MonitoringListener, MonitoringSettings, make_registry
from rivusio_monitoring.snapshot import StepView

FATES = ("passed", "filtered", "skipped", "late", "dead", "failed", "held")


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    fates = {name: draw(st.integers(0, 50)) for name in FATES}
    more = {name: draw(st.integers(0, 9)) for name in ("retries", "forgotten", "late_rows")}
    return Tally(taken=sum(fates.values()), given=draw(st.integers(0, 99)), **more, **fates)


REPORTS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("123"), st.sampled_from(["x", "y"]), tallies()))


@given(REPORTS, st.sets(st.tuples(st.sampled_from("ab"), st.sampled_from("123"))))
def test_counters_are_the_sums_of_what_was_fed(
    reports: list[tuple[str, str, str, Tally]], ended: set[tuple[str, str]]
) -> None:
    listener = MonitoringListener()
    runs = {(name, ident): started(listener, name, name + ident) for name in "ab" for ident in "123"}
    expected: dict[tuple[str, str], Tally] = {}
    held: Counter[tuple[str, str]] = Counter()
    for name, ident, step, tally in reports:
        listener.step_ran(runs[name, ident], step, tally, 0.5)
        expected.setdefault((name, step), Tally()).add(tally)
        held[name, step] += tally.held if (name, ident) not in ended else 0
    for key in ended:
        listener.run_ended(runs[key], None)

    figures = series(generate_latest(make_registry(listener.snapshot)))
    for (name, step), tally in expected.items():
        for each in fields(Tally):
            if each.name not in ("held", "retries", "forgotten", "late_rows"):
                shown = value(figures, f"rivusio_items_{each.name}_total", run=name, step=step)
                assert shown == getattr(tally, each.name), each.name
        assert value(figures, "rivusio_retries_total", run=name, step=step) == tally.retries
        assert value(figures, "rivusio_rows_late_total", run=name, step=step) == tally.late_rows
        assert value(figures, "rivusio_keys_forgotten_total", run=name, step=step) == tally.forgotten
        assert value(figures, "rivusio_items_held", run=name, step=step) == held[name, step]
        assert value(figures, "rivusio_unaccounted_items", run=name, step=step) == 0
        chunks = sum(report[0] == name and report[2] == step for report in reports)
        assert value(figures, "rivusio_step_chunk_duration_seconds_count", run=name, step=step) == chunks
        assert value(figures, "rivusio_step_chunk_duration_seconds_sum", run=name, step=step) == chunks * 0.5


def test_an_item_that_nobody_accounts_for_shows() -> None:
    listener = MonitoringListener()
    listener.step_ran(started(listener), "parse", Tally(taken=5, passed=3, given=3), 0.1)
    figures = series(generate_latest(make_registry(listener.snapshot)))
    assert value(figures, "rivusio_unaccounted_items", run="etl", step="parse") == 2


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Interrupted(StillClock):
    """Has somebody else look at the listener in the middle of whatever reads the time."""

    listener: MonitoringListener
    waited = False

    def monotonic(self) -> float:
        if hasattr(self, "listener"):
            pool = ThreadPoolExecutor(1)
            listener = self.listener
            del self.listener
            try:
                pool.submit(listener.snapshot).result(timeout=0.05)
            except TimeoutError:
                self.waited = True
            pool.shutdown(wait=False)
        return super().monotonic()


@pytest.mark.parametrize(
    "report",
    [
        lambda listener, _: listener.run_started(RunInfo("etl", "2")),
        lambda listener, run: listener.run_ended(run, None),
        lambda listener, run: listener.step_ran(run, "parse", passed(1), 0.1),
        lambda listener, run: listener.item_failed(run, PipeError(pipe="parse"), "skip"),
        lambda listener, run: listener.channel_filled(run, "out", 1, 2),
        lambda listener, run: listener.watermark_moved(run, "parse", 1, 2),
        lambda listener, _: listener.snapshot(),
    ],
    ids=["run_started", "run_ended", "step_ran", "item_failed", "channel_filled", "watermark_moved", "snapshot"],
)
def test_nobody_looks_in_the_middle_of_a_report(report: Callable[[MonitoringListener, RunInfo], None]) -> None:
    clock = Interrupted()
    listener = MonitoringListener(clock=clock)
    run = started(listener)
    clock.listener = listener
    report(listener, run)
    assert clock.waited


@pytest.mark.usefixtures("restless")
def test_reports_from_many_threads_are_all_counted_while_somebody_reads() -> None:
    listener, threads, chunks = MonitoringListener(), 4, 300
    shared = started(listener, "shared")
    start, done = Barrier(threads + 1), Event()

    def feed(number: int) -> None:
        start.wait()
        for chunk in range(chunks):
            run = started(listener, "etl", f"{number}-{chunk}")
            listener.step_ran(run, "parse", passed(7), 0.001)
            listener.step_ran(shared, "parse", passed(7), 0.001)
            listener.channel_filled(run, "out", chunk, chunks)
            listener.run_ended(run, None)

    def read() -> None:
        start.wait()
        before = Counter[str]()
        while not done.is_set():
            for totals in listener.snapshot().totals:
                assert totals.active + sum(totals.ended.values()) == totals.started
                for step in totals.steps:
                    assert step.tally.unaccounted == 0, "half of a chunk is counted"
                    assert step.tally.taken >= before[totals.name], "a counter went back"
                    before[totals.name] = step.tally.taken

    with ThreadPoolExecutor(threads + 1) as pool:
        reader = pool.submit(read)
        feeders = [pool.submit(feed, number) for number in range(threads)]
        for each in feeders:
            each.result()
        done.set()
        reader.result()
    one, many = listener.snapshot().totals
    for totals in (one, many):
        assert astuple(totals.steps[0].tally) == astuple(passed(threads * chunks * 7))
    assert (many.started, many.ended["completed"], many.active) == (1200, 1200, 0)


def test_a_step_shows_zeros_before_its_first_chunk() -> None:
    listener = MonitoringListener()
    started(listener, steps=("parse", "store"))
    figures = series(generate_latest(make_registry(listener.snapshot)))
    assert value(figures, "rivusio_items_taken_total", run="etl", step="store") == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(None, "completed"), (ValueError(), "failed"), (KeyboardInterrupt(), "cancelled"), (GeneratorExit(), "cancelled")],
)
def test_outcomes(error: BaseException | None, outcome: str) -> None:
    listener = MonitoringListener()
    listener.run_ended(started(listener), error)
    figures = series(generate_latest(make_registry(listener.snapshot)))
    for each in ("completed", "failed", "cancelled"):
        assert value(figures, "rivusio_runs_ended_total", run="etl", outcome=each) == (each == outcome)
    assert value(figures, "rivusio_runs_started_total", run="etl") == 1
    assert value(figures, "rivusio_runs_active", run="etl") == 0


def test_a_name_is_forgotten_some_time_after_its_last_run() -> None:
    """prometheus/client_python#568: the labels of what is long over stay for ever."""
    clock = StillClock()
    listener = MonitoringListener(MonitoringSettings(keep="1m"), clock=clock)
    first, second = started(listener, "etl", "1"), started(listener, "etl", "2")
    listener.step_ran(first, "parse", passed(3), 0.1)
    listener.run_ended(first, None)
    clock.now += 61
    assert _taken(listener) == 3, "a run of that name still goes on"
    listener.run_ended(second, None)
    clock.now += 60
    assert _taken(listener) == 3
    clock.now += 1
    assert listener.snapshot().totals == ()
    assert listener.snapshot().runs == ()
    started(listener, "etl", "3")
    assert listener.snapshot().totals[0].started == 1


def test_a_forgotten_name_makes_room_for_another() -> None:
    clock = StillClock()
    listener = MonitoringListener(MonitoringSettings(keep="1m", label_sets=1), clock=clock)
    for name in "abc":
        run = started(listener, name, name)
        listener.step_ran(run, "parse", passed(1), 0.1)
        listener.channel_filled(run, "out", 1, 2)
        assert [each.name for each in listener.snapshot().totals] == [name]
        listener.run_ended(run, None)
        clock.now += 61
    assert listener.snapshot().overflow == 0


def _taken(listener: MonitoringListener) -> int:
    return listener.snapshot().totals[0].steps[0].tally.taken


def _step(listener: MonitoringListener) -> StepView:
    return listener.snapshot().totals[0].steps[0]


def test_lag_grows_while_a_watermark_stands_still_whatever_the_wall_clock_does() -> None:
    clock = StillClock()
    listener = MonitoringListener(clock=clock)
    run = started(listener)
    listener.watermark_moved(run, "window", 10_000_000, 12_500_000)
    assert (_step(listener).watermark, _step(listener).lag) == (10_000_000, 2.5)
    clock.now += 4
    clock.utc -= 3_600_000_000
    assert _step(listener).lag == 6.5
    listener.run_ended(run, None)
    (totals,) = listener.snapshot().totals
    assert (totals.steps[0].watermark, totals.steps[0].lag) == (None, None)


@pytest.mark.parametrize(("watermark", "lag"), [(-(2**63), None), (2**63 - 1, 0.0)])
def test_a_watermark_without_moment_is_not_shown_as_one(watermark: int, lag: float | None) -> None:
    listener = MonitoringListener()
    listener.watermark_moved(started(listener), "window", watermark, 0)
    assert (_step(listener).watermark, _step(listener).lag) == (None, lag)


def test_levels_of_runs_of_one_name_are_put_together() -> None:
    listener = MonitoringListener(clock=StillClock())
    for ident, watermark, items in (("1", 5_000_000, 3), ("2", 1_000_000, 4)):
        run = started(listener, "etl", ident)
        listener.watermark_moved(run, "window", watermark, 6_000_000)
        listener.channel_filled(run, "out", items, 10)
    (totals,) = listener.snapshot().totals
    assert (totals.steps[0].watermark, totals.steps[0].lag) == (1_000_000, 5.0)
    assert (totals.channels[0].items, totals.channels[0].capacity) == (7, 20)
    listener.run_ended(RunInfo("etl", "1"), None)
    listener.run_ended(RunInfo("etl", "2"), None)
    assert listener.snapshot().totals[0].channels == ()


def test_reports_of_unknown_runs_are_ignored_and_counted() -> None:
    listener = MonitoringListener()
    run = started(listener)
    listener.run_ended(run, None)
    listener.run_ended(run, None)
    listener.step_ran(run, "parse", passed(1), 0.1)
    assert listener.snapshot().ignored == 2
    assert listener.snapshot().totals[0].steps == ()


def test_a_snapshot_does_not_change_afterwards() -> None:
    listener = MonitoringListener()
    run = started(listener)
    listener.step_ran(run, "parse", passed(1), 0.1)
    before = listener.snapshot()
    listener.step_ran(run, "parse", passed(10), 0.1)
    assert before.totals[0].steps[0].tally.taken == 1
    assert before.runs[0].steps[0].tally.taken == 1
    assert before.totals[0].steps[0].durations.count == 1
