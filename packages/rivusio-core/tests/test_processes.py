"""Pipes in worker processes: the same results, in order; errors, deaths and cancellation stay contained."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from sample_pipes import (
    Counting,
    Recorded,
    SecondTry,
    add,
    die_at_17,
    fail_at_17,
    hang_at_3,
    odd,
    parse,
    print_and_add,
    process_id,
    troublesome,
    twice,
)

from rivusio_core import (
    DeadLetter,
    DefinitionError,
    Listener,
    Parallel,
    PipeCrashed,
    PipeError,
    PipeTimeout,
    Retry,
    RunError,
    RunInfo,
    Tally,
    keep,
    pipe,
)
from rivusio_core.engine.nature import goes_in_lots
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


class Tallies(Listener):
    """The counts of each step."""

    def __init__(self) -> None:
        self.of: defaultdict[str, Tally] = defaultdict(Tally)

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        self.of[step].add(tally)


class Lots(Listener):
    """How many items a step said it took at once."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        self.counts.append(tally.taken)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_items_that_are_done_quickly_travel_together(concurrency: int) -> None:
    lots = Lots()
    step = add(amount=1).with_options(process=True, concurrency=concurrency)
    numbers = range(20_000)
    assert list((parse >> step).map(map(str, numbers), listeners=[lots])) == [number + 1 for number in numbers]
    assert max(lots.counts) > 100


def test_each_item_of_a_lot_fails_for_itself() -> None:
    letters: list[DeadLetter] = []
    step = troublesome.with_options(process=True, concurrency=2, on_error="dead_letter")
    # The first ones are harmless, so that lots have grown when the others come.
    numbers = [0] * 3_000 + [*range(40)] + [0] * 100
    assert list(step.map(numbers, dead_letters=letters)) == [each for each in numbers if each % 10 not in (3, 5, 7)]
    bad = [(position, each) for position, each in enumerate(numbers) if each % 10 in (3, 5, 7)]
    found = sorted((letter.error.position or 0, letter.value) for letter in letters)
    assert found == bad
    kinds = {letter.value % 10: letter.error for letter in letters}  # type: ignore[operator]  # they are numbers
    assert isinstance(kinds[3].cause, ValueError)
    assert isinstance(kinds[5], PipeCrashed)
    assert "cannot be sent back from the worker process" in str(kinds[7])


def test_a_failure_in_a_lot_ends_the_run_with_what_came_before_it() -> None:
    step = fail_at_17.with_options(process=True)
    numbers = [*range(100, 2_000), 17, *range(100)]
    results = step.map(numbers)
    assert list(itertools.islice(results, 1_900)) == numbers[:1_900]
    with pytest.raises(PipeError, match="pipe 'fail_at_17' failed on item 1900: ValueError"):
        next(results)


def test_what_failed_in_a_lot_is_tried_again() -> None:
    tallies, step = Tallies(), SecondTry().with_options(process=True, retry=Retry(attempts=2, backoff="1ms"))
    assert list(step.map(range(500), listeners=[tallies])) == [*range(500)]
    found = tallies.of["SecondTry"]
    assert (found.taken, found.passed, found.given, found.retries) == (500, 500, 500, 250)


def test_flat_pipes_in_lots() -> None:
    step = twice.with_options(process=True, concurrency=2)
    assert list(step.map(range(3_000))) == [number for number in range(3_000) for _ in range(2)]


@pytest.mark.parametrize("options", [{"timeout": "50s"}, {"rate_limit": "100000/s"}, {"validate": True}])
def test_where_each_call_counts_items_go_alone(options: dict[str, Any]) -> None:
    lots = Lots()
    step = add(amount=1).with_options(process=True, concurrency=2, **options)
    assert list(step.map(range(50), listeners=[lots])) == [*range(1, 51)]
    assert not goes_in_lots(step)


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
