"""What travels beside the items that a step takes, and where an item enters that is to be tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rivusio_streams.engine.origin import MARK, ORIGIN, POSITION, TIME, TIMED, UNTIMED
from rivusio_streams.graph import JoinNode, KeyedNode, Node, ReadNode, SideNode
from rivusio_streams.plan import Plan

__all__ = ["Port", "ports"]


@dataclass(frozen=True)
class Port:
    """The columns of what a step takes: position and origin; times; the side of a join; the key.

    Attributes:
        node: of the step.
        timed: event times are known.
        sided: items come from one of two streams.
        keyed: items have keys.
    """

    node: Node
    timed: bool
    sided: bool = False
    keyed: bool = False

    def time(self, columns: Sequence[object]) -> int | None:
        """The event time among the columns of an item."""
        found = columns[TIME] if self.timed and len(columns) > TIME else None
        return found if isinstance(found, int) else None

    def side(self, columns: Sequence[object]) -> int | None:
        """The side among the columns of an item."""
        at = TIMED if self.timed else UNTIMED
        found = columns[at] if self.sided and len(columns) > at else None
        return found if isinstance(found, int) else None

    def key(self, columns: Sequence[object]) -> object:
        """The key among the columns of an item."""
        return columns[-1] if self.keyed and len(columns) > (MARK if self.timed else ORIGIN) + 1 else None

    def columns(
        self, position: int, origin: int, time: int | None, mark: int, side: int | None, key: object
    ) -> tuple[Sequence[object], ...]:
        """The columns for one item that enters here."""
        found: list[object] = [None] * UNTIMED
        found[POSITION], found[ORIGIN] = position, origin
        if self.timed:
            found += [time, mark]
        if self.sided:
            found.append(side)
        if self.keyed:
            found.append(key)
        return tuple([each] for each in found)


def ports(plan: Plan) -> Mapping[str, Port]:
    """By name of a step that takes items: its port."""
    columns, found = plan.columns(), dict[str, Port]()
    for node in plan.nodes:
        if isinstance(node, ReadNode | SideNode):
            continue
        timed = min(columns[id(each)] for each in node.inputs) == TIMED
        keyed = isinstance(node, KeyedNode) and node.keyed
        for name in plan.names[id(node)]:
            found[name] = Port(node, timed, isinstance(node, JoinNode), keyed)
    return found
