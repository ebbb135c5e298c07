"""The drawing of a pipeline or flow: a neutral value, shown as text, Mermaid, SVG or JSON.

Example:
    >>> graph = Graph(
    ...     nodes=(Node("a", "orders", "source"), Node("b", "parse"), Node("c", "out.jsonl", "sink")),
    ...     edges=(Edge("a", "b", "str"), Edge("b", "c", "Order")),
    ... )
    >>> print(graph.to_text())
    orders (source)
      | str
    parse
      | Order
    out.jsonl (sink)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from rivusio_core.errors import DefinitionError

__all__ = ["GRAPH_FORMATS", "Edge", "Graph", "GraphFormat", "Node", "NodeKind"]

GraphFormat: TypeAlias = Literal["text", "mermaid", "svg", "json"]
"""How a graph can be shown."""

GRAPH_FORMATS: tuple[GraphFormat, ...] = get_args(GraphFormat)

NodeKind: TypeAlias = Literal["source", "pipe", "state", "sink"]
"""What a node does with items: brings them, changes them, keeps state about them, takes them away."""


@dataclass(frozen=True)
class Node:
    """A step.

    Attributes:
        id: unique within the graph.
        label: what people call the step.
        kind: decides shape and colour.
        detail: one short line more, such as `window 1m`; no items, no secrets.
    """

    id: str
    label: str
    kind: NodeKind = "pipe"
    detail: str = ""


@dataclass(frozen=True)
class Edge:
    """What flows from one step to another; `label` is usually the type of the items."""

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """Steps and what flows between them: a graph without cycles, in any order.

    Raises:
        DefinitionError: two nodes have one id, an edge has no node at an end, or the edges form a cycle.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    name: str = ""
    order: tuple[Node, ...] = field(init=False, repr=False, compare=False)
    """The nodes in an order in which every one comes after those that feed it."""

    def __post_init__(self) -> None:
        ids = {node.id for node in self.nodes}
        if len(ids) != len(self.nodes):
            raise DefinitionError(f"graph {self.name!r}: two steps have the same id")
        for edge in self.edges:
            if edge.start not in ids or edge.end not in ids:
                raise DefinitionError(f"graph {self.name!r}: the edge {edge.start} -> {edge.end} has no step at an end")
        object.__setattr__(self, "order", tuple(self._sorted()))

    def _sorted(self) -> Iterator[Node]:
        by_id = {node.id: node for node in self.nodes}
        missing = {node.id: sum(edge.end == node.id for edge in self.edges) for node in self.nodes}
        following: dict[str, list[str]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            following[edge.start].append(edge.end)
        # A stack, not a queue: a branch is listed to its end before the next one begins.
        ready = [node.id for node in reversed(self.nodes) if not missing[node.id]]
        done = 0
        while ready:
            current = ready.pop()
            done += 1
            yield by_id[current]
            for other in reversed(following[current]):
                missing[other] -= 1
                if not missing[other]:
                    ready.append(other)
        if done != len(self.nodes):
            raise DefinitionError(f"graph {self.name!r}: the steps form a cycle")

    def render(self, format: GraphFormat = "text") -> str:  # the name is part of the public API  # noqa: A002
        """The graph in one of the formats.

        Raises:
            DefinitionError: there is no such format.
        """
        match format:
            case "text":
                return self.to_text()
            case "mermaid":
                return self.to_mermaid()
            case "svg":
                return self.to_svg()
            case "json":
                return json.dumps(self.to_json(), indent=2, ensure_ascii=False)
            case _:  # pyright: ignore[reportUnnecessaryComparison]  # callers may be untyped
                raise DefinitionError(f"no graph format {format!r}; there are {', '.join(GRAPH_FORMATS)}")

    def to_json(self) -> Mapping[str, object]:
        """Name, nodes and edges, as values that JSON can hold."""
        return {
            "name": self.name,
            "nodes": [{"id": n.id, "label": n.label, "kind": n.kind, "detail": n.detail} for n in self.nodes],
            "edges": [{"start": e.start, "end": e.end, "label": e.label} for e in self.edges],
        }

    def to_text(self) -> str:
        """Lines for a terminal: downwards where there is one way, arrows with names where ways part or meet."""
        lines = list[str]()
        for position, node in enumerate(self.order):
            lines.append(_titled(node))
            after = self.order[position + 1].id if position + 1 < len(self.order) else ""
            leaving = [edge for edge in self.edges if edge.start == node.id]
            if len(leaving) == 1 and leaving[0].end == after and self._feeds(after) == 1:
                lines.append(f"  | {leaving[0].label}".rstrip())
                continue
            by_id = {each.id: each for each in self.nodes}
            lines += [f"  -> {by_id[edge.end].label}{f': {edge.label}' if edge.label else ''}" for edge in leaving]
        return _printable("\n".join(lines))

    def _feeds(self, node: str) -> int:
        return sum(edge.end == node for edge in self.edges)

    def to_mermaid(self) -> str:
        """A Mermaid flowchart, for Markdown and documentation pages."""
        shapes = {"source": ('(["', '"])'), "pipe": ('("', '")'), "state": ('[("', '")]'), "sink": ('[["', '"]]')}
        names = {node.id: f"n{number}" for number, node in enumerate(self.order)}
        lines = ["flowchart LR"]
        for node in self.order:
            opening, closing = shapes[node.kind]
            text = _mermaid(node.label) + (f"<br/>{_mermaid(node.detail)}" if node.detail else "")
            lines.append(f"  {names[node.id]}{opening}{text}{closing}")
        for edge in self.edges:
            label = f'|"{_mermaid(edge.label)}"|' if edge.label else ""
            lines.append(f"  {names[edge.start]} -->{label} {names[edge.end]}")
        return "\n".join(lines)

    def to_svg(self) -> str:
        """An SVG picture that reads well on light and dark pages."""
        from rivusio_core.drawing import svg  # imports this module, and few need it

        return svg(self)


def _titled(node: Node) -> str:
    about = ", ".join(part for part in (node.kind if node.kind != "pipe" else "", node.detail) if part)
    return f"{node.label} ({about})" if about else node.label


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def _mermaid(text: str) -> str:
    """Text inside Mermaid quotes, where only entities are safe."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    special = {"&": "amp", '"': "quot", "<": "lt", ">": "gt", "#": "35", "`": "96", "\\": "92", "|": "124"}
    return "".join(f"#{special[char]};" if char in special else char for char in plain)
