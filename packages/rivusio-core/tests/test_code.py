"""The loops that are shown are those that run."""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from rivusio_command import Command

from rivusio_core import flat_pipe, keep, pipe, route
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.listing import code_of
from rivusio_core.engine.opening import Opening, shape_of
from rivusio_core.errors import PipeError
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of
from rivusio_core.run_settings import context_of


@pipe
def double(number: int) -> int:
    return 2 * number


@pipe
async def wait(number: int) -> int:
    return number


@flat_pipe
def twice(number: int) -> Iterable[int]:
    return [number, number]


@flat_pipe
async def slowly(number: int) -> AsyncIterator[int]:
    yield number


def even(number: int) -> bool:
    return number % 2 == 0


async def later(number: int) -> bool:
    return number > 0


PIPES: list[BasePipe[Any, Any]] = [
    double,
    wait,
    twice,
    slowly,
    steps_of(double >> keep(even))[-1],
    steps_of(double >> keep(later))[-1],
    double & wait,
    double & double,
    steps_of(double >> route((even, double), otherwise=wait))[-1],
    steps_of(double >> route((even, double), otherwise=double))[-1],
    double.with_options(thread=True),
    twice.with_options(thread=True),
    twice.with_options(retry=2),
    slowly.with_options(retry=2),
    wait.with_options(timeout=1.0),
    double.with_options(validate=True),
]


@pytest.mark.parametrize("step", PIPES, ids=str)
def test_the_shape_shown_is_that_of_the_opened_step(step: BasePipe[Any, Any]) -> None:
    async def opened() -> tuple[str, str]:
        context: RunContext = context_of(step, {})
        opening = Opening(context)
        try:
            (only,) = steps_of(step)
            made = await opening.step(only, "step")
            return made.kind, made.how
        finally:
            await opening.close()

    (only,) = steps_of(step)
    assert shape_of(only) == anyio.run(opened)


def test_each_statement_names_its_pipe_and_place() -> None:
    (loop,) = code_of(double >> keep(even) >> double)
    compile(loop.source, "shown", "exec")
    shown = [line for line in loop.source.splitlines() if "# " in line]
    line = double.function.__code__.co_firstlineno
    assert [each.split("# ")[1].split(",")[0] for each in shown] == list(loop.steps)
    assert shown[0].endswith(f"test_code.py:{line}")
    assert loop.steps[2] == "double-2"


def test_the_traceback_shows_the_generated_line_and_the_users_own() -> None:
    @pipe
    def broken(number: int) -> float:
        return number / 0

    with pytest.raises(PipeError, match="ZeroDivisionError") as caught:
        list((double >> broken).map([1]))
    text = "".join(traceback.format_exception(caught.value))
    assert "v2 = f1(v1)" in text
    assert "return number / 0" in text
    assert f'test_code.py", line {broken.function.__code__.co_firstlineno + 2}' in text


def test_the_command_shows_text_and_json(tmp_path: Path) -> None:
    rivusio = Command(tmp_path)
    (rivusio.folder / "numbers_job.py").write_text(
        "from rivusio_core import pipe\n\n@pipe\ndef up(line: str) -> str:\n    return line.upper()\n\n"
        "both = up >> up\n"
    )
    shown = rivusio("graph", "numbers_job:both", "--code")
    assert shown.code == 0, shown
    assert "# up -> up-2" in shown.out
    assert "numbers_job.py:3" in shown.out
    (loop,) = json.loads(rivusio("graph", "numbers_job:both", "--code", "--json").out)
    assert loop["steps"] == ["up", "up-2"]
    assert loop["source"] in shown.out
