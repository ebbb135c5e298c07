"""The graph behind streams and flows: immutable nodes that know what feeds them.

Visitors (plan, check, drawing) read it; a node has no behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from rivusio_core.pipe import BasePipe
from rivusio_core.policy.options import OnError
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.event_time import EventTime
from rivusio_streams.joining import Join
from rivusio_streams.keyed_process import KeyedProcess
from rivusio_streams.sink import BaseSink
from rivusio_streams.source import BaseSource
from rivusio_streams.state.limit import StateLimit
from rivusio_streams.trigger import Trigger
from rivusio_streams.windows import Hopping, Tumbling, Windows

if TYPE_CHECKING:  # columns are imported where they are used
    from rivusio_streams.columns.aggregate import ColumnAggregate
    from rivusio_streams.columns.expression import Expression
    from rivusio_streams.columns.layout import Layout

__all__ = [
    "AggregateNode",
    "ColumnTimeNode",
    "ColumnWindowNode",
    "EventTimeNode",
    "JoinNode",
    "KeyNode",
    "KeyedNode",
    "MergeNode",
    "Node",
    "PipeNode",
    "ProcessNode",
    "ReadNode",
    "SideNode",
    "SplitNode",
    "TeeNode",
    "WriteNode",
    "in_order",
    "rewired",
]


@dataclass(frozen=True, eq=False)
class Node:
    """A step. Two nodes are equal when they and all that feeds them are.

    Attributes:
        name: what the step is called; made unique in a plan.
        inputs: what feeds it.
    """

    name: str
    inputs: tuple[Node, ...]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Node):
            return NotImplemented
        mine, theirs = in_order([self]), in_order([other])  # not recursive: a flow may be long
        return len(mine) == len(theirs) and all(_alike(a, b) for a, b in zip(mine, theirs, strict=True))

    def __hash__(self) -> int:
        return hash((type(self), self.name, len(self.inputs)))


def _alike(a: Node, b: Node) -> bool:
    own = [each.name for each in fields(a) if each.name != "inputs"]
    return type(a) is type(b) and len(a.inputs) == len(b.inputs) and all(getattr(a, n) == getattr(b, n) for n in own)


@dataclass(frozen=True, eq=False)
class ReadNode(Node):
    """Reads a source."""

    source: BaseSource[Any]  # Any, here and below: the types were checked where streams were composed


@dataclass(frozen=True, eq=False)
class PipeNode(Node):
    """Puts items through a pipe or pipeline."""

    pipe: BasePipe[Any, Any]


@dataclass(frozen=True, eq=False)
class EventTimeNode(Node):
    """Says when each item happened."""

    spec: EventTime


@dataclass(frozen=True, eq=False)
class ColumnTimeNode(EventTimeNode):
    """Says when each row of each batch of columns happened.

    Attributes:
        time: of the rows of a batch.
    """

    time: Expression


@dataclass(frozen=True, eq=False)
class KeyNode(Node):
    """Says what items have in common.

    Attributes:
        key: of an item.
        limit: of what the step behind it keeps.
    """

    key: Callable[[Any], Any]
    limit: StateLimit | None = None


@dataclass(frozen=True, eq=False)
class KeyedNode(Node):
    """Keeps something of the items of each key: the base of windows, joins and keyed state.

    Attributes:
        keyed: its inputs are `KeyNode`s; else all items are of one key.
        late_to: where late items go.
    """

    keyed: bool
    late_to: BaseSink[Any] | None

    @property
    def limits(self) -> tuple[StateLimit, ...]:
        """What is said of how much it may keep."""
        return tuple(each.limit for each in self.inputs if isinstance(each, KeyNode) and each.limit is not None)


@dataclass(frozen=True, eq=False)
class AggregateNode(KeyedNode):
    """Makes one result of the items of each window and key.

    Attributes:
        windows: where windows lie.
        aggregator: what becomes of their items.
        allowed_lateness: microseconds for which a closed window still takes items.
        accumulate: a later pane holds all items so far, not only the new ones.
        trigger: gives early panes.
    """

    windows: Windows
    aggregator: Aggregator[Any, Any, Any]
    allowed_lateness: int
    accumulate: bool
    trigger: Trigger[Any, Any] | None


@dataclass(frozen=True, eq=False)
class ColumnWindowNode(KeyedNode):
    """Makes one row of the rows of each window and key, in batches of columns. Not `keyed`: a batch has many keys.

    Attributes:
        windows: where windows lie.
        time: when rows happened.
        keys: of rows, by the field of results that holds them.
        aggregates: what becomes of the rows, by field.
        takes: the layout of batches.
        gives: the layout of results.
        kept: the columns that are kept, and their types, in words.
        allowed_lateness, accumulate: as of `AggregateNode`.
    """

    windows: Tumbling | Hopping
    time: Expression
    keys: Mapping[str, Expression]
    aggregates: Mapping[str, ColumnAggregate]
    takes: Layout[Any]
    gives: Layout[Any]
    kept: Mapping[str, str]
    allowed_lateness: int
    accumulate: bool


@dataclass(frozen=True, eq=False)
class JoinNode(KeyedNode):
    """Puts items of two streams together that have the same key.

    Attributes:
        join: how.
    """

    join: Join


@dataclass(frozen=True, eq=False)
class ProcessNode(KeyedNode):
    """Hands the items of each key to user code that keeps state.

    Attributes:
        process: what it does.
    """

    process: KeyedProcess


@dataclass(frozen=True, eq=False)
class MergeNode(Node):
    """Items of several streams as one."""


@dataclass(frozen=True, eq=False)
class SplitNode(Node):
    """Sends each item one way: that of the first predicate that holds, else the last; its `SideNode`s are the ways."""

    predicates: tuple[Callable[[Any], object], ...]


@dataclass(frozen=True, eq=False)
class SideNode(Node):
    """One way out of a split.

    Attributes:
        side: the index of the way.
        label: in drawings.
    """

    side: int
    label: str


@dataclass(frozen=True, eq=False)
class TeeNode(Node):
    """Writes items to a sink and passes them on.

    Attributes:
        sink: the sink.
        on_error: what becomes of items that it refuses.
    """

    sink: BaseSink[Any]
    on_error: OnError = "fail"


@dataclass(frozen=True, eq=False)
class WriteNode(Node):
    """Writes items to a sink; the end of a stream. Attributes are those of `TeeNode`."""

    sink: BaseSink[Any]
    on_error: OnError = "fail"


def in_order(ends: Iterable[Node]) -> list[Node]:
    """All nodes that feed `ends` and these themselves, each once, every one after those that feed it."""
    ordered, seen = list[Node](), set[int]()
    stack = [(node, False) for node in reversed(list(ends))]
    while stack:
        node, fed = stack.pop()
        if fed:
            ordered.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack += [(each, False) for each in reversed(node.inputs)]
    return ordered


def rewired(ends: Iterable[Node], change: Callable[[Node], Node]) -> list[Node]:
    """The same graph with some nodes changed; what was shared stays shared.

    Args:
        ends: the nodes that end it.
        change: gives the node to put in the place of another, with the same inputs; maybe the same node.
    """
    ends, made = list(ends), dict[int, Node]()
    for node in in_order(ends):
        inputs = tuple(made[id(each)] for each in node.inputs)
        same = all(new is old for new, old in zip(inputs, node.inputs, strict=True))
        made[id(node)] = change(node if same else replace(node, inputs=inputs))
    return [made[id(end)] for end in ends]
