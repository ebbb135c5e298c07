"""The drawing of a flow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rivusio_core.duration import duration_text
from rivusio_core.graph import Edge, Graph, NodeKind
from rivusio_core.graph import Node as Drawn
from rivusio_streams.graph import (
    AggregateNode,
    ColumnWindowNode,
    EventTimeNode,
    JoinNode,
    KeyedNode,
    KeyNode,
    Node,
    ProcessNode,
    ReadNode,
    SideNode,
    TeeNode,
    WriteNode,
)
from rivusio_streams.plan import Plan

__all__ = ["drawing"]


def drawing(plan: Plan, name: str) -> Graph:
    """The graph of a flow, for core's drawings; ids are step names."""
    nodes, edges = list[Drawn](), list[Edge]()
    for node in plan.nodes:
        if isinstance(node, SideNode):
            continue
        steps = plan.names[id(node)]
        if isinstance(node, TeeNode):  # the items go to the sink and past it
            steps = ()
            nodes.append(Drawn(plan.name(node), plan.name(node), "sink"))
        nodes += [Drawn(step, step, _kind(node), _detail(node)) for step in steps]
        for each in node.inputs:
            for start, label in _feeding(each, plan):
                edges.append(Edge(start, plan.name(node), label))
        edges += [Edge(a, b) for a, b in pairwise(steps)]
        if isinstance(node, KeyedNode) and id(node) in plan.extras:
            late = plan.extras[id(node)]
            nodes.append(Drawn(late, late, "sink"))
            edges.append(Edge(plan.name(node), late, "late"))
    return Graph(tuple(nodes), tuple(edges), name)


def _feeding(node: Node, plan: Plan) -> Iterator[tuple[str, str]]:
    label = ""
    while isinstance(node, SideNode | TeeNode):
        if isinstance(node, SideNode):
            label = node.label
        node = node.inputs[0]
        if label:
            break
    yield plan.names[id(node)][-1], label


def _kind(node: Node) -> NodeKind:
    if isinstance(node, ReadNode):
        return "source"
    if isinstance(node, WriteNode):
        return "sink"
    return "state" if isinstance(node, KeyedNode) else "pipe"


def _detail(node: Node) -> str:
    if isinstance(node, AggregateNode | ColumnWindowNode):
        late = f", allowed lateness {duration_text(node.allowed_lateness)}" if node.allowed_lateness else ""
        return f"{node.windows!r}{late}"
    if isinstance(node, EventTimeNode):
        return str(node.spec)
    if isinstance(node, JoinNode):
        return repr(node.join)
    if isinstance(node, ProcessNode):
        return repr(node.process)
    return "key" if isinstance(node, KeyNode) else ""
