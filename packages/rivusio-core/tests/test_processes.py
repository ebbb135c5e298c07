"""Pipes in worker processes: the same results, in order; errors, deaths and cancellation stay contained."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sample_pipes import (
    Counting,
    Recorded,
    add,
    die_at_17,
    fail_at_17,
    hang_at_3,
    odd,
    parse,
    print_and_add,
    process_id,
    twice,
)

from rivusio_core import DeadLetter, DefinitionError, Parallel, PipeError, PipeTimeout, RunError, keep, pipe
from rivusio_core.pipe import BasePipe

TWO = Parallel(kind="process", workers=2)


def test_parallel_processes_give_the_same_in_order() -> None:
    pipeline = parse >> add(amount=3) >> twice >> keep(odd)
    lines = [str(number) for number in range(3_000)]
    assert list(pipeline.map(lines, parallel=TWO)) == list(pipeline.map(lines))


def test_they_are_other_processes_and_as_many_as_asked_for() -> None:
    found = set(process_id.map(range(2_000), parallel=TWO))
    assert os.getpid() not in found
    assert 1 <= len(found) <= 2
    assert set(process_id.with_options(process=True).map(range(5))).isdisjoint({os.getpid()})


@pytest.mark.parametrize("on_error", ["skip", "dead_letter"])
def test_failures_come_back_with_pipe_and_position(on_error: str) -> None:
    letters: list[DeadLetter] = []
    step = fail_at_17.with_options(on_error="skip" if on_error == "skip" else "dead_letter")
    for run, settings in ((add(amount=0) >> step, {"parallel": TWO}), (step.with_options(process=True), {})):
        letters.clear()
        results = list(run.map(range(1_000), dead_letters=letters, **settings))  # type: ignore[arg-type]  # settings vary
        assert results == [number for number in range(1_000) if number != 17]
        assert [letter.error.position for letter in letters] == ([17] if on_error == "dead_letter" else [])


def test_a_failure_ends_the_run_with_what_came_before_it() -> None:
    results = (add(amount=0) >> fail_at_17).map(range(1_000), parallel=TWO)
    assert list(itertools.islice(results, 17)) == list(range(17))
    with pytest.raises(PipeError, match="pipe 'fail_at_17' failed on item 17: ValueError") as caught:
        next(results)
    assert isinstance(caught.value.cause, ValueError)


def test_a_process_that_dies_is_named() -> None:
    with pytest.raises(RunError, match="exit"):
        list(die_at_17.with_options(process=True).map(range(30)))


def test_stray_prints_do_no_harm(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(print_and_add.with_options(process=True).map([1, 2])) == [2, 3]
    assert capfd.readouterr().out == ""


def test_setup_and_teardown_happen_once_in_each_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    step: BasePipe[int, int] = Counting(log=log).with_options(process=True)
    assert list(step.map(range(5))) == [1, 2, 3, 4, 5]
    lines = [line.split() for line in log.read_text().splitlines()]
    assert [what for what, _ in lines] == ["setup", "teardown"]
    assert {process for _, process in lines}.isdisjoint({str(os.getpid())})


def test_an_error_of_a_teardown_there_is_an_error_here() -> None:
    step = Recorded(label="there", broken="teardown").with_options(process=True)
    results = step.map([1, 2])
    assert list(itertools.islice(results, 2)) == [1, 2]
    with pytest.raises(OSError, match="no teardown"):
        next(results)


def test_workers_need_no_script_to_import() -> None:
    code = "from sample_pipes import add; print(list(add.with_options(process=True).map([1, 2])))"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=50)
    assert (done.stdout, done.stderr) == ("[2, 3]\n", "")


def test_what_cannot_be_sent_is_refused_by_name() -> None:
    @pipe
    def local(number: int) -> int:
        return number

    for run in (
        lambda: list(local.with_options(process=True).map([1])),
        lambda: list((add >> local).map([1], parallel=TWO)),
    ):
        with pytest.raises(DefinitionError, match=r"local.*top level|top level.*local|module level"):
            run()


def test_a_timeout_kills_the_call() -> None:
    assert list(hang_at_3.map(range(6))) == [0, 1, 2, 4, 5]
    with pytest.raises(PipeTimeout):
        list(hang_at_3.with_options(on_error="fail").map([3]))
