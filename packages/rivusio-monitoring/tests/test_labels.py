from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit import passed, started

from rivusio_core import RunInfo
from rivusio_monitoring import MonitoringListener, MonitoringSettings
from rivusio_monitoring.labels import OTHER, Labels, label

NAMES = st.text(st.characters(exclude_categories=()), max_size=200)


@given(NAMES)
def test_a_label_can_always_be_written(name: str) -> None:
    assert len(label(name)) <= 120
    label(name).encode("utf-8")


def test_a_usual_name_is_its_own_label() -> None:
    assert label("prüfe_größe") == "prüfe_größe"


@given(st.integers(1, 5), st.lists(st.tuples(NAMES, NAMES), max_size=40))
def test_labels_never_exceed_the_limit(limit: int, pairs: list[tuple[str, str]]) -> None:
    labels = Labels(limit)
    shown = [(at := labels.run(run), labels.name(at, name)) for run, name in pairs]
    assert len({run for run, _ in shown} - {OTHER}) <= limit
    assert len({pair for pair in shown if pair[1] != OTHER}) <= limit
    assert labels.refused >= sum(pair[0] == OTHER != label(run) for pair, (run, _) in zip(shown, pairs, strict=True))


def test_places_of_a_forgotten_run_are_free_again() -> None:
    labels = Labels(2)
    for name in ("a", "b", "c"):
        run = labels.run(name)
        assert (run, labels.name(run, "one"), labels.name(run, "two")) == (name, "one", "two")
        labels.forget(name)
    assert labels.refused == 0


def test_steps_beyond_the_limit_are_counted_under_other_and_nothing_is_lost() -> None:
    listener = MonitoringListener(MonitoringSettings(label_sets=3))
    run = started(listener)
    for number in range(10):
        listener.step_ran(run, f"step {number}", passed(1), 0.001)
    (totals,) = listener.snapshot().totals
    assert {step.name: step.tally.taken for step in totals.steps} == {"step 0": 1, "step 1": 1, "step 2": 1, OTHER: 7}
    assert listener.snapshot().overflow == 7


def test_runs_beyond_the_limit_are_counted_under_other() -> None:
    listener = MonitoringListener(MonitoringSettings(label_sets=2))
    for name in "abcd":
        listener.step_ran(started(listener, name, name), "step", passed(5), 0.001)
    counts = {run.name: [(step.name, step.tally.taken) for step in run.steps] for run in listener.snapshot().totals}
    assert counts == {"a": [("step", 5)], "b": [("step", 5)], OTHER: [(OTHER, 10)]}


def test_levels_beyond_the_limit_are_left_out_and_counted() -> None:
    listener = MonitoringListener(MonitoringSettings(label_sets=1))
    run = started(listener)
    for name in ("a", "b"):
        listener.channel_filled(run, name, 1, 2)
        listener.watermark_moved(run, name, 1, 2)
    snapshot = listener.snapshot()
    assert [channel.name for channel in snapshot.totals[0].channels] == ["a"]
    assert [step.name for step in snapshot.totals[0].steps] == ["a"]
    assert snapshot.overflow == 2


def test_ids_are_no_labels() -> None:
    listener = MonitoringListener()
    for number in range(100):
        run = started(listener, "etl", str(number))
        listener.step_ran(run, "parse", passed(1), 0.001)
        listener.run_ended(RunInfo("etl", str(number)), None)
    (totals,) = listener.snapshot().totals
    assert (totals.started, totals.steps[0].tally.taken) == (100, 100)
