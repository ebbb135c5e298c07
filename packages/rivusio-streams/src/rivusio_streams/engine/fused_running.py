"""Keys and running values in one loop: an acceleration, as `FusedWindows` is one."""

from __future__ import annotations

from operator import length_hint
from time import perf_counter

from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Stage
from rivusio_core.listener import Tally
from rivusio_streams.engine.operator_stage import OperatorStage
from rivusio_streams.engine.operators.running import Taking

__all__ = ["FusedRunning"]


class FusedRunning(Stage):
    """Stands before the two stages; from an item that fails on they do the work.

    Args:
        keys: works out keys.
        key_step: its name.
        running: has a `RunningOperator`.
        taking: what that does with items whose keys are not known yet.
    """

    def __init__(self, keys: Stage, key_step: str, running: OperatorStage, taking: Taking) -> None:
        self.out, self._key_step, self._running, self._taking = keys, key_step, running, taking

    async def take(self, chunk: Chunk) -> None:
        began, notes, running, failed = perf_counter(), Notes(), self._running, False
        before, left = (running.operator.held, running.operator.filtered), iter(chunk.values)
        try:
            self._taking(left)
        except Exception:  # noqa: BLE001  # the stages find it again, and treat the item
            failed = True
        done = len(chunk) - length_hint(left) - failed
        running.gave_each(chunk, done)
        notes.tallies[self._key_step] = Tally(taken=done, passed=done, given=done)
        notes.seconds = perf_counter() - began
        await running.took(done, None, before, notes)
        if failed:
            await self.out.take(Chunk(chunk.values[done:], tuple(column[done:] for column in chunk.columns)))
