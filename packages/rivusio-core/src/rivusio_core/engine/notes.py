"""What a chain has to tell its run after a chunk: counts and failures. Plain data, so that it crosses processes."""

from __future__ import annotations

from dataclasses import dataclass, field

from rivusio_core.dead_letter import DeadLetter
from rivusio_core.errors import PipeError
from rivusio_core.listener import Tally, Treatment

__all__ = ["Failure", "Notes"]


@dataclass
class Failure:
    """An item that failed for good, and what becomes of it; `letter` is set when it is a dead letter."""

    error: PipeError
    treatment: Treatment
    letter: DeadLetter | None = None


@dataclass
class Notes:
    """Counts by step, and failures in the order of their items.

    Attributes:
        tallies: by step name.
        failures: in the order of their items.
        seconds: how long the chain was busy.
    """

    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    failures: list[Failure] = field(default_factory=list[Failure])
    seconds: float = 0.0

    def tally(self, step: str) -> Tally:
        """The counts of a step, to add to."""
        found = self.tallies.get(step)
        if found is None:
            found = self.tallies[step] = Tally()
        return found
