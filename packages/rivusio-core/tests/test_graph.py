"""The drawing of graphs: right, in order, and safe whatever the labels are."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core import DefinitionError, branch, keep, pipe, route
from rivusio_core.graph import GRAPH_FORMATS, Edge, Graph, Node
from rivusio_core.pipe_graph import pipe_graph

SVG = "{http://www.w3.org/2000/svg}"


@pipe
def parse(line: str) -> int:
    return int(line)


@pipe(concurrency=4, timeout="2s", on_error="skip")
async def fetch(number: int) -> float:
    return number


@pipe
def show(number: float) -> str:
    return str(number)


@pipe
def same(number: int) -> str:
    return str(number)


def even(number: int) -> bool:
    return number % 2 == 0


def edges(graph: Graph) -> set[tuple[str, str, str]]:
    labels = {node.id: node.label for node in graph.nodes}
    return {(labels[edge.start], labels[edge.end], edge.label) for edge in graph.edges}


def test_a_pipeline_is_drawn_with_the_types_that_flow() -> None:
    graph = pipe_graph(parse >> keep(even) >> fetch >> show, "numbers")
    assert edges(graph) == {
        ("items", "parse", "str"),
        ("parse", "keep(even)", "int"),
        ("keep(even)", "fetch", "int"),
        ("fetch", "show", "float"),
        ("show", "results", "str"),
    }
    assert graph.name == "numbers"
    assert [node.detail for node in graph.nodes if node.label == "fetch"] == ["4 at once, timeout 2s, on error skip"]


def test_branches_and_routes_are_drawn_as_such() -> None:
    both = pipe_graph(parse >> branch(same, fetch >> show))
    assert edges(both) >= {
        ("parse", "same", "int"),
        ("parse", "fetch", "int"),
        ("show", "&", "str"),
        ("same", "&", "str"),
        ("&", "results", "tuple[str, str]"),
    }
    ways = pipe_graph(parse >> route((even, same), otherwise=fetch >> show))
    assert edges(ways) >= {
        ("parse", "same", "int if even"),
        ("parse", "fetch", "int"),
        ("same", "results", "str"),
        ("show", "results", "str"),
    }


def test_order_lists_every_step_after_those_that_feed_it() -> None:
    nodes = tuple(Node(name, name) for name in "dcba")
    graph = Graph(nodes, (Edge("a", "b"), Edge("b", "d"), Edge("a", "c"), Edge("c", "d")))
    order = [node.id for node in graph.order]
    assert all(order.index(edge.start) < order.index(edge.end) for edge in graph.edges)


@pytest.mark.parametrize(
    ("nodes", "joins", "told"),
    [
        ("aa", [], "same id"),
        ("a", ["ab"], "has no step at an end"),
        ("ab", ["ab", "ba"], "cycle"),
        ("a", ["aa"], "cycle"),
    ],
)
def test_what_is_no_graph_is_refused(nodes: str, joins: list[str], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        Graph(tuple(Node(name, name) for name in nodes), tuple(Edge(*each) for each in joins))


def test_an_unknown_format_is_told_with_those_there_are() -> None:
    with pytest.raises(DefinitionError, match="text, mermaid, svg, json"):
        Graph(()).render("png")  # type: ignore[arg-type]


LABELS = st.text(max_size=30)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(0, 8))
    kinds = st.sampled_from(("source", "pipe", "state", "sink"))
    nodes = tuple(Node(f"n{n}", draw(LABELS), draw(kinds), draw(LABELS)) for n in range(count))  # type: ignore[arg-type]
    pairs = [(a, b) for b in range(count) for a in range(b)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=12)) if pairs else []
    return Graph(nodes, tuple(Edge(f"n{a}", f"n{b}", draw(LABELS)) for a, b in chosen), draw(LABELS))


@given(graph=graphs())
@settings(max_examples=60, deadline=None)
def test_every_graph_has_every_format_and_no_label_breaks_out(graph: Graph) -> None:
    for shown in GRAPH_FORMATS:
        assert isinstance(graph.render(shown), str)
    told = json.loads(graph.render("json"))
    assert [node["label"] for node in told["nodes"]] == [node.label for node in graph.nodes]

    picture = ET.fromstring(graph.to_svg())
    assert len(picture.findall(f"{SVG}g/{SVG}rect")) == len(graph.nodes)
    assert len(picture.findall(f"{SVG}path")) == len(graph.edges)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    boxes = [
        {key: float(box.attrib[key]) for key in ("x", "y", "width", "height")} for box in picture.iter(f"{SVG}rect")
    ]
    for index, box in enumerate(boxes):
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        assert 0 <= box["y"] <= box["y"] + box["height"] <= height
        for other in boxes[:index]:
            beside = box["x"] >= other["x"] + other["width"] or other["x"] >= box["x"] + box["width"]
            above = box["y"] >= other["y"] + other["height"] or other["y"] >= box["y"] + box["height"]
            assert beside or above, "boxes overlap"

    lines = graph.to_mermaid().splitlines()
    assert len(lines) == 1 + len(graph.nodes) + len(graph.edges)
    for line in lines[1:]:
        assert line.count('"') in (0, 2), line
        assert not re.search(r'"[^"]*[<>|`\\](?!br/>)[^"]*"', line.replace("<br/>", "")), line

    assert all(char.isprintable() or char == "\n" for char in graph.to_text())
