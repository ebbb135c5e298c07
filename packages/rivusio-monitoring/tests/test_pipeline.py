"""Whole runs of real pipelines, watched."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from monitoring_kit import get, scrape, serving, value

from rivusio_core import BadRecord, DeadLetter, PipeError, Retry, Transient, flat_pipe, keep, pipe


@pipe(on_error="skip")
def parse(text: str) -> int:
    return int(text)


@flat_pipe
def twice(number: int) -> Iterator[int]:
    yield number
    yield number


@pipe
def check(number: int) -> int:
    if number == 13:
        raise BadRecord("unlucky")
    return number


def even(number: int) -> bool:
    return number % 2 == 0


PIPELINE = parse >> keep(even) >> twice >> check


def test_a_run_is_counted_step_by_step() -> None:
    with serving() as (listener, exporter):
        letters = list[DeadLetter]()
        results = list(PIPELINE.map(["1", "2", "x", "4"], listeners=[listener], dead_letters=letters))
        figures, status = scrape(exporter), json.loads(get(exporter, "/status").body)
    assert results == [2, 2, 4, 4]
    (run,) = status["runs"]
    name = run["name"]
    steps = {step["name"]: step for step in run["steps"]}
    assert [(s["taken"], s["passed"], s["filtered"], s["skipped"], s["given"]) for s in steps.values()] == [
        (4, 3, 0, 1, 3),
        (3, 2, 1, 0, 2),
        (2, 2, 0, 0, 4),
        (4, 4, 0, 0, 4),
    ]
    for step, told in steps.items():
        for count in ("taken", "passed", "filtered", "skipped", "given"):
            assert value(figures, f"rivusio_items_{count}_total", run=name, step=step) == told[count]
        assert value(figures, "rivusio_unaccounted_items", run=name, step=step) == 0
    assert value(figures, "rivusio_runs_ended_total", run=name, outcome="completed") == 1
    (error,) = status["errors"]
    assert (error["error"], error["step"], error["treatments"]) == ("ValueError", "parse", {"skip": 1})
    assert value(figures, "rivusio_monitoring_ignored_reports_total") == 0


def test_a_failed_run() -> None:
    @pipe
    def invert(number: int) -> float:
        return 1 / number

    with serving() as (listener, exporter):
        with pytest.raises(PipeError, match="ZeroDivisionError"):
            list(invert.map([1, 0, 2], listeners=[listener]))
        figures = scrape(exporter)
        assert get(exporter, "/readyz").status == 503
    assert value(figures, "rivusio_items_failed_total", run="invert", step="invert") == 1
    assert value(figures, "rivusio_runs_ended_total", run="invert", outcome="failed") == 1


def test_retries_and_dead_letters_of_async_pipes() -> None:
    tried = list[int]()

    @pipe(retry=Retry(attempts=3, backoff="1us..1us"), on_error="dead_letter")
    async def flaky(number: int) -> int:
        tried.append(number)
        if number == 2 or tried.count(number) < 2:
            raise Transient("again")
        return number

    with serving() as (listener, exporter):
        letters = list[DeadLetter]()
        assert list(flaky.map([1, 2, 3], listeners=[listener], dead_letters=letters)) == [1, 3]
        figures = scrape(exporter)
    assert len(letters) == 1
    assert value(figures, "rivusio_items_dead_total", run="flaky", step="flaky") == 1
    assert value(figures, "rivusio_retries_total", run="flaky", step="flaky") == 1 + 2 + 1
    assert value(figures, "rivusio_unaccounted_items", run="flaky", step="flaky") == 0


def test_figures_can_be_read_while_a_run_goes_on() -> None:
    with serving() as (listener, exporter):
        running = parse.map((str(number) for number in range(5_000)), listeners=[listener])
        assert [next(running) for _ in range(3_000)] == list(range(3_000))
        middle = scrape(exporter)
        assert value(middle, "rivusio_runs_active", run="parse") == 1
        assert 0 < (value(middle, "rivusio_items_taken_total", run="parse", step="parse") or 0) <= 3_000
        assert len(list(running)) == 2_000
        after = scrape(exporter)
    assert value(after, "rivusio_runs_active", run="parse") == 0
    assert value(after, "rivusio_items_taken_total", run="parse", step="parse") == 5_000


def test_health_and_figures_are_answered_while_a_pipe_blocks_the_event_loop() -> None:
    """Promise: blocking sync pipe: health and metrics go on answering."""

    @pipe
    async def passes(number: int) -> int:
        return number

    with serving() as (listener, exporter):
        answers = list[object]()

        @pipe
        def blocks(number: int) -> int:
            """Stands in the event loop until somebody was answered elsewhere."""
            answers.append(get(exporter, "/livez").status)
            answers.append(value(scrape(exporter), "rivusio_runs_active", run="blocked"))
            return number

        assert list((passes >> blocks).with_options(name="blocked").map([1], listeners=[listener])) == [1]
    assert answers == [200, 1]
