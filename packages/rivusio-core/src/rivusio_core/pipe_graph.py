"""The graph of a pipe or pipeline: its steps, with branches and routes drawn as such."""

from __future__ import annotations

from typing import Any

from rivusio_core.branch import Branch
from rivusio_core.errors import CompositionError
from rivusio_core.graph import Edge, Graph, Node
from rivusio_core.hints.text import type_text
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of
from rivusio_core.ports import Ports, connect, ports_of
from rivusio_core.route import Route

__all__ = ["pipe_graph"]


def pipe_graph(pipe: BasePipe[Any, Any], name: str = "") -> Graph:  # Any: pipes of all types
    """The graph of a pipe, with a node for the items that come in and one for the results.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def parse(line: str) -> int:
        ...     return int(line)
        >>> print(pipe_graph(parse).to_text())
        items (source)
          | str
        parse
          | int
        results (sink)
    """
    drawing = _Drawing()
    ports = ports_of(pipe)
    start = drawing.node("items", "source")
    ends = drawing.pipeline(pipe, [(start, type_text(ports.takes))], ports.takes)
    drawing.connect(ends, drawing.node("results", "sink"))
    return Graph(tuple(drawing.nodes), tuple(drawing.edges), name or pipe.step_name)


_Ends = list[tuple[str, str]]
"""Loose ends: the node they come from, and what flows there."""


class _Drawing:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []

    def node(self, label: str, kind: Any = "pipe", detail: str = "") -> str:  # Any: a literal of the graph module
        self.nodes.append(Node(f"n{len(self.nodes)}", label, kind, detail))
        return self.nodes[-1].id

    def connect(self, ends: _Ends, node: str) -> None:
        self.edges += [Edge(start, node, label) for start, label in ends]

    def pipeline(self, pipe: BasePipe[Any, Any], ends: _Ends, takes: object) -> _Ends:
        flowing = Ports(takes, takes)
        for step in steps_of(pipe):
            flowing = _after(flowing, step)
            ends = self.step(step, ends, type_text(flowing.gives))
        return ends

    def step(self, step: BasePipe[Any, Any], ends: _Ends, gives: str) -> _Ends:
        if isinstance(step, Branch):
            tuples = self.node("&")
            for part in step.parts:
                self.connect(self.pipeline(part, ends, ports_of(part).takes), tuples)
            return [(tuples, gives)]
        if isinstance(step, Route):
            found = list[tuple[str, str]]()
            for predicate, part in step.arms:
                when = f"{type_text(ports_of(part).takes)} if {getattr(predicate, '__name__', 'predicate')}"
                found += self.pipeline(part, [(start, when) for start, _ in ends], ports_of(part).takes)
            return found + self.pipeline(step.otherwise, ends, ports_of(step.otherwise).takes)
        node = self.node(step.step_name, detail=_detail(step))
        self.connect(ends, node)
        return [(node, gives)]


def _after(flowing: Ports, step: BasePipe[Any, Any]) -> Ports:
    try:
        return connect("", flowing, step.step_name, ports_of(step))
    except CompositionError:  # an arm of a route takes less than its own type says
        return ports_of(step)


def _detail(step: BasePipe[Any, Any]) -> str:
    options, found = step.options, list[str]()
    if options.concurrency > 1:
        found.append(f"{options.concurrency} at once")
    found += [name for name in ("thread", "process", "isolate") if getattr(options, name)]
    if options.timeout is not None:
        found.append(f"timeout {options.timeout}")
    if options.on_error != "fail":
        found.append(f"on error {options.on_error.replace('_', ' ')}")
    return ", ".join(found)
