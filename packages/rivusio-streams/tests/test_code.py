"""A flow shows the loops that its run compiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rivusio_core import pipe
from rivusio_core.engine.chain import Chain
from rivusio_core.engine.step import Step
from rivusio_streams import Stream


@pipe
def double(number: int) -> int:
    return 2 * number


@pipe(concurrency=4)
async def ask(number: int) -> int:
    return number


def bare(source: str) -> list[str]:
    return [line.split("  # ")[0] for line in source.splitlines()]


def test_the_loops_shown_are_those_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[Chain]()
    begin = Chain.__init__

    def noted(self: Chain, steps: Sequence[Step], *args: Any, **settings: Any) -> None:
        begin(self, steps, *args, **settings)
        made.append(self)

    monkeypatch.setattr(Chain, "__init__", noted)
    out = list[int]()
    flow = Stream.read([1, 2]).through(double).through(double).through(ask).through(double).write(out)
    shown = flow.code()
    flow.run()
    assert out == [8, 16]
    assert [(loop.steps, loop.concurrency) for loop in shown] == [
        (("double", "double-2"), 1),
        (("ask",), 4),
        (("double-3",), 1),
    ]
    ran = {tuple(step.name for step in chain.steps): chain.source().splitlines() for chain in made if chain.steps}
    assert {loop.steps: bare(loop.source) for loop in shown} == ran
