"""What a run owns: its clock, listeners, dead letters, opened pipes and resources."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from rivusio_core.clock import BlockingClock, Clock, SystemClock
from rivusio_core.dead_letter import DeadLetter
from rivusio_core.engine.budget import Budget
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.profiler import Profiler
from rivusio_core.errors import DeadLetterError
from rivusio_core.listener import Listener, Listeners, RunInfo, Tally

__all__ = ["DeadLetterReceiver", "RunContext"]

DeadLetterReceiver: TypeAlias = Callable[[DeadLetter], Awaitable[None] | None]
"""Takes a dead letter; returns (or is done being awaited) when it is safe."""

_NOTHING = Tally()


class RunContext:
    """One run. Stages and chains read it; nothing of it is shared with another run.

    Args:
        info: name and steps of the run.
        listeners: who wants to hear of it.
        dead_letters: where dead letters go, if anywhere.
        clock: the time; the machine's by default.
        memory: bytes that the run may hold; None: as much as it takes.
        observer: hears of everything noted, once it is counted, and may end the run by raising.
        blocking: no event loop runs: steps are called in the caller's thread and waiting blocks it.
    """

    def __init__(
        self,
        info: RunInfo,
        *,
        listeners: Iterable[Listener] = (),
        dead_letters: DeadLetterReceiver | None = None,
        clock: Clock | None = None,
        memory: int | None = None,
        observer: Callable[[Notes], None] | None = None,
        blocking: bool = False,
    ) -> None:
        self.info = info
        self.listeners = listeners if isinstance(listeners, Listeners) else Listeners(listeners)
        self.dead_letters = dead_letters
        self._observer = observer
        self.clock: Clock = clock or (BlockingClock() if blocking else SystemClock())
        self.profiler = self.listeners.first(Profiler)
        """Has the run measured."""
        if self.profiler is not None:
            self.profiler.follow(self.clock)
        self.budget = Budget(memory)
        self.blocking = blocking
        self.tallies: dict[str, Tally] = {}

    @staticmethod
    def info_of(name: str, steps: Iterable[str]) -> RunInfo:
        """A run's name with a fresh id."""
        return RunInfo(name=name, id=uuid.uuid4().hex[:12], steps=tuple(steps))

    def tally(self, step: str) -> Tally:
        """The counts of a step since the run began."""
        found = self.tallies.get(step)
        if found is None:
            found = self.tallies[step] = Tally()
        return found

    async def absorb(self, notes: Notes) -> None:
        """Take over what a chain noted: hand out dead letters, add up counts, tell listeners.

        Raises:
            DeadLetterError: a dead letter could not be handed over; the item must not be acknowledged.
            RunError: raised by the observer; the run must end.
        """
        for failure in notes.failures:
            if failure.letter is not None:
                await self._hand_over(failure.letter)
            if self.listeners:
                self.listeners.item_failed(self.info, failure.error, failure.treatment)
        tallies, told = notes.tallies, bool(self.listeners)
        for step, tally in tallies.items():
            if not tally.taken and tally == _NOTHING:
                continue
            self.tally(step).add(tally)
            if told:
                self.listeners.step_ran(self.info, step, tally, notes.seconds / len(tallies))
        if self._observer is not None:
            self._observer(notes)

    async def _hand_over(self, letter: DeadLetter) -> None:
        if self.dead_letters is None:
            raise DeadLetterError(f"pipe {letter.step!r} gave a dead letter, and this run has nowhere to put it")
        try:
            handed = self.dead_letters(letter)
            if handed is not None:
                await handed
        except Exception as error:
            raise DeadLetterError(
                f"the dead letter of pipe {letter.step!r}, item {letter.error.position}, could not be stored: "
                f"{type(error).__name__}; the run stops, the item is not acknowledged"
            ) from error
