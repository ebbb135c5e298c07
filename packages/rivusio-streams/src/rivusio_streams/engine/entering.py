"""Letters on their way back: a run of a flow whose sources stand still, with items that enter in the middle of it.

The graph is that of the flow, so a checkpoint fits: state goes on from where it is, and positions stay where they are.
An item enters right at the step that failed on it; what was done with it before is not done again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rivusio_core.engine.stage import Chunk, Signal, Stage
from rivusio_core.errors import DefinitionError
from rivusio_streams.engine.keyed_stage import KeyedStage
from rivusio_streams.engine.origin import POSITION, Origin
from rivusio_streams.engine.port import Port, ports
from rivusio_streams.engine.signals import Cut
from rivusio_streams.graph import KeyedNode, ReadNode
from rivusio_streams.moment import NEVER
from rivusio_streams.plan import Plan
from rivusio_streams.source import AsyncPartition, AsyncSource, BaseSource, EndOfPartition, Position

__all__ = ["Entering", "Entrance", "Entry", "watermark_of"]


@dataclass(frozen=True)
class Entry:
    """An item that enters.

    Attributes:
        step: where.
        value: the item.
        time: when it happened, microseconds since the epoch, where the step wants to know.
        key, side: likewise.
        source, partition: where it came from first.
    """

    step: str
    value: Any  # of any type: that of the step is known to the flow alone
    time: int | None = None
    key: object = None
    side: int | None = None
    source: str = ""
    partition: str = ""


@dataclass(frozen=True)
class Entrance:
    """Where items enter.

    Attributes:
        stage: takes them.
        mark: how far event time has come there.
    """

    stage: Stage
    mark: int


class Entering:
    """The items that enter a run.

    Args:
        plan: of the flow.
        entries: the items, in order. The one at index i has the position i - len(entries), by which it is known in
            dead letters: ordinary positions are not negative.
        alone: steps that keep something may begin with nothing.
    """

    def __init__(self, plan: Plan, entries: Sequence[Entry], *, alone: bool = False) -> None:
        self._plan, self._entries, self._alone = plan, entries, alone
        self.steps = {each.step for each in entries}
        self.late: set[int] = set()
        """Positions of those that a step refused as late, and nothing took."""

    def paused(self, step: str, source: BaseSource[Any], positions: Mapping[str, Any]) -> BaseSource[Any]:
        """What stands in the place of a source: it has its partitions, and gives nothing."""
        own = {each.partition for each in self._entries if each.source == step}
        return _Paused(source, [*dict.fromkeys([*positions, *sorted(own)])] or ["0"])

    def late_out(self) -> Stage:
        """Takes late items where the flow lets nothing take them."""
        return _Late(self.late)

    def begin(self, number: int, restored: bool) -> bool:
        """Look whether steps that keep something have it; gives whether the run goes on from a live checkpoint.

        Args:
            number: of the checkpoint; 0: there is none.
            restored: steps were given what it has of them.

        Raises:
            DefinitionError: they have not.
        """
        keeping = [each for each in self._plan.nodes if isinstance(each, KeyedNode)]
        if number and (restored or not keeping):
            return True
        known, behind = ports(self._plan), set[int]()
        first = {id(known[each].node) for each in self.steps}
        for node in self._plan.nodes:
            if id(node) in first or any(id(each) in behind for each in node.inputs):
                behind.add(id(node))
        kept = [self._plan.name(each) for each in keeping if id(each) in behind]
        if kept and not self._alone:
            why = "the checkpoint is that of an input that is over" if number else "this run has no checkpoint"
            raise DefinitionError(
                f"{kept[0]!r} keeps state, and {why}: it would know nothing but these items, and might replace good "
                "results by such of them alone; name the flow's checkpoint (--set checkpoint=PATH), or say --alone"
            )
        return False

    async def push(self, entrances: Mapping[str, Entrance], origins: Sequence[Origin], *, cuts: bool) -> None:
        """Push all items, one by one.

        Args:
            entrances: by step.
            origins: of the run.
            cuts: a signal is to follow each.
        """
        known, count = ports(self._plan), len(self._entries)
        for index, each in enumerate(self._entries):
            port, entrance = known[each.step], entrances[each.step]
            origin = self._origin(each, port, origins)
            columns = port.columns(index - count, origin, each.time, entrance.mark, each.side, each.key)
            await entrance.stage.take(Chunk([each.value], columns))
            if cuts:
                await entrance.stage.signal(Cut())

    def _origin(self, entry: Entry, port: Port, origins: Sequence[Origin]) -> int:
        wanted = Origin(entry.source, entry.partition)
        if wanted in origins:
            return origins.index(wanted)
        # Its source has another name by now: any that feeds the step will do.
        node = port.node
        while node.inputs and not isinstance(node, ReadNode):
            node = node.inputs[0]
            name = self._plan.name(node)
            found = next((index for index, each in enumerate(origins) if each.step == name), None)
            if found is not None:
                return found
        return 0


def watermark_of(stage: KeyedStage) -> int:
    """How far event time has come behind a step that keeps something."""
    operator = stage.operator
    return operator.watermark if operator.watermark == NEVER else operator.watermark - operator.delay


class _Late(Stage):
    def __init__(self, positions: set[int]) -> None:
        self._positions = positions

    async def take(self, chunk: Chunk) -> None:
        self._positions.update(chunk.columns[POSITION])

    async def signal(self, signal: Signal) -> None:
        """Nothing is behind it."""


class _Paused(AsyncSource[Any]):
    def __init__(self, source: BaseSource[Any], keys: Sequence[str]) -> None:
        self._keys = keys
        self.replay, self.timed, self.watermarks = source.replay, source.timed, source.watermarks

    async def partitions(self) -> Sequence[str]:
        return self._keys

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[Any]:
        return _Nothing()


class _Nothing(AsyncPartition[Any]):
    async def next_batch(self, maximum: int) -> list[Any]:
        raise EndOfPartition
