"""A checkpoint made to fit a flow that has changed: steps renamed, dropped, or new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rivusio_core.errors import CheckpointMismatch
from rivusio_core.nearest import did_you_mean
from rivusio_streams.checkpoint.record import Record
from rivusio_streams.checkpoint.topology import mismatches

__all__ = ["Migration"]


@dataclass(frozen=True)
class Migration:
    """What is to be done to a checkpoint.

    Attributes:
        renamed: new names of steps, by the names that they have in the checkpoint.
        dropped: steps whose state is thrown away.
        accepted: steps whose definition has changed in a way that their state survives: a function with another name.
    """

    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    dropped: Sequence[str] = ()
    accepted: Sequence[str] = ()

    def of(self, record: Record, topology: Mapping[str, str]) -> Record:
        """The checkpoint for a flow of this topology. Steps of the flow that it knows nothing of begin with no state.

        Raises:
            CheckpointMismatch: a step is not in the checkpoint, or it still does not fit the flow; each reason is told.
        """
        wrong = [*self._unknown(record), *self._kept_by_sinks(record)]
        steps = {self._name(name): own for name, own in record.steps.items() if name not in self.dropped}
        known = {self._name(name): own for name, own in record.topology.items() if name not in self.dropped}
        for name in self.accepted:
            if name not in topology:
                wrong.append(f"the flow has no step {name!r}{did_you_mean(name, topology)}")
            elif name in known:
                known[name] = topology[name]
        known |= {name: own for name, own in topology.items() if name not in known}
        wrong += mismatches(known, topology)
        if wrong:
            lines = "\n".join(f"  {each}" for each in wrong)
            raise CheckpointMismatch(
                f"checkpoint {record.number} cannot be made to fit:\n{lines}\n"
                "say what became of each step: --rename OLD=NEW, --drop STEP, --accept STEP"
            )
        return replace(record, steps=steps, topology=known)

    def _name(self, name: str) -> str:
        return self.renamed.get(name, name)

    def _unknown(self, record: Record) -> list[str]:
        known = {*record.topology, *record.steps}
        named = [*self.renamed, *self.dropped]
        return [f"it has no step {name!r}{did_you_mean(name, known)}" for name in named if name not in known]

    def _kept_by_sinks(self, record: Record) -> list[str]:
        told = "is a sink with staged results, which belong to its name"
        return [f"{name!r} {told}" for name in self.renamed if name in record.tokens]
