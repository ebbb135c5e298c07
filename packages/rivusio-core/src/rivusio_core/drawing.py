"""A graph as an SVG picture: layers from left to right, rounded boxes, curves with the type of what flows.

A small version of the layered method (Sugiyama, Tagawa, Toda 1981): longest-path layers, places for edges that pass a
layer by, order within a layer by barycentres.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from xml.sax.saxutils import escape

from rivusio_core.graph import Edge, Graph, Node, NodeKind

__all__ = ["svg"]

_CHAR = 7.4  # average width of a letter of the label font, in px; boxes are sized by it
_SMALL_CHAR = 6.2
_LONGEST = 40
_BOX, _TALL_BOX, _PASS = 36.0, 50.0, 14.0
_GAP, _BEND, _ROW_GAP, _MARGIN = 56.0, 36.0, 22.0, 16.0
_SWEEPS = 8

# Mid tones: enough contrast against white and against dark grey, so one picture serves both.
_COLOUR: dict[NodeKind, str] = {"source": "#2f9e74", "pipe": "#5b7fd6", "state": "#b07d2b", "sink": "#b0609f"}
_NEUTRAL = "#808a99"
_SMALL = f'font-size="11" fill="{_NEUTRAL}"'
_FONT = "ui-sans-serif, system-ui, sans-serif"
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    f'<path d="M0,0.5 L8,4 L0,7.5 z" fill="{_NEUTRAL}"/></marker></defs>'
)


@dataclass
class _Place:
    """A box, or (without a node) a place where an edge passes a layer."""

    key: str
    layer: int
    node: Node | None = None
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        if self.node is None:
            return 0.0
        return max(len(_cut(self.node.label)) * _CHAR, len(_cut(self.node.detail)) * _SMALL_CHAR) + 28

    @property
    def height(self) -> float:
        return _PASS if self.node is None else _TALL_BOX if self.node.detail else _BOX


@dataclass
class _Way:
    """An edge with all the places it goes through, and where its level piece is: before its end or after its start."""

    edge: Edge
    keys: list[str]
    straight_at_end: bool


def svg(graph: Graph) -> str:
    """The picture of a graph as the text of an SVG file."""
    places, ways = _placed(graph)
    _arrange(places, ways)
    layers = _layers(places)
    gaps = _gaps(ways, layers)
    _position(layers, gaps)
    width = max((place.x + place.width for place in places.values()), default=0.0) + _MARGIN
    height = max((place.y + place.height for place in places.values()), default=0.0) + _MARGIN
    title = escape(_clean(graph.name or "graph"))
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONT}">',
        f"<title>{title}</title>",
        _TIP,
    ]
    lines += [_curve(way, [places[key] for key in way.keys]) for way in ways]
    lines += [_box(place, place.node) for place in places.values() if place.node is not None]
    return "\n".join([*lines, "</svg>"])


def _placed(graph: Graph) -> tuple[dict[str, _Place], list[_Way]]:
    layer = dict.fromkeys((node.id for node in graph.nodes), 0)
    for node in graph.order:
        for edge in graph.edges:
            if edge.start == node.id:
                layer[edge.end] = max(layer[edge.end], layer[node.id] + 1)
    places = {node.id: _Place(node.id, layer[node.id], node) for node in graph.order}
    ways = list[_Way]()
    for number, edge in enumerate(graph.edges):
        passed = [f"\0{number}:{between}" for between in range(layer[edge.start] + 1, layer[edge.end])]
        for offset, key in enumerate(passed, layer[edge.start] + 1):
            places[key] = _Place(key, offset)
        alone = sum(other.end == edge.end for other in graph.edges) == 1
        ways.append(_Way(edge, [edge.start, *passed, edge.end], alone))
    return places, ways


def _layers(places: dict[str, _Place]) -> list[list[_Place]]:
    layers: defaultdict[int, list[_Place]] = defaultdict(list)
    for place in places.values():
        layers[place.layer].append(place)
    return [sorted(layers[number], key=lambda place: place.y) for number in sorted(layers)]


def _arrange(places: dict[str, _Place], ways: list[_Way]) -> None:
    """Order each layer so that few edges cross; `y` holds the rank meanwhile."""
    before: defaultdict[str, list[str]] = defaultdict(list)
    after: defaultdict[str, list[str]] = defaultdict(list)
    for way in ways:
        for left, right in pairwise(way.keys):
            before[right].append(left)
            after[left].append(right)
    layers = _layers(places)
    for layer in layers:
        _rank(layer)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = before if down else after
        for layer in layers if down else reversed(layers):
            wish = {
                place.key: fmean(places[key].y for key in neighbours[place.key]) if neighbours[place.key] else place.y
                for place in layer
            }
            layer.sort(key=lambda place, wish=wish: wish[place.key])  # type: ignore[misc]  # mypy: default in lambda
            _rank(layer)


def _rank(layer: list[_Place]) -> None:
    for rank, place in enumerate(layer):
        place.y = rank - (len(layer) - 1) / 2  # centred, so that a short layer lines up with the middle of a long one


def _gaps(ways: list[_Way], layers: list[list[_Place]]) -> list[float]:
    """Room to the right of each layer: as much as the longest label there needs, and the bend beside it."""
    gaps = [_GAP] * len(layers)
    number = {place.key: index for index, layer in enumerate(layers) for place in layer}
    for way in ways:
        gap = number[way.keys[-2 if way.straight_at_end else 0]]
        gaps[gap] = max(gaps[gap], len(_cut(way.edge.label)) * _SMALL_CHAR + _BEND + 14)
    return gaps


def _position(layers: list[list[_Place]], gaps: list[float]) -> None:
    heights = [sum(place.height for place in layer) + _ROW_GAP * (len(layer) - 1) for layer in layers]
    x = _MARGIN
    for layer, height, gap in zip(layers, heights, gaps, strict=True):
        widest = max(place.width for place in layer)
        y = _MARGIN + (max(heights) - height) / 2
        for place in layer:
            place.x, place.y = x + (widest - place.width) / 2, y
            y += place.height + _ROW_GAP
        x += widest + gap


def _box(place: _Place, node: Node) -> str:
    colour = _COLOUR[node.kind]
    corner = place.height / 2 if node.kind in ("source", "sink") else 8
    middle, line = place.x + place.width / 2, place.y + (21 if node.detail else place.height / 2 + 5)
    at = f'x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"'
    box = f'<rect {at} rx="{corner:.0f}" fill="{colour}" fill-opacity="0.16" stroke="{colour}" stroke-width="1.5"/>'
    label = _text(middle, line, node.label, f'font-size="13" font-weight="600" fill="{colour}"')
    detail = _text(middle, line + 17, node.detail, _SMALL) if node.detail else ""
    return f"<g><title>{escape(_clean(node.label))}</title>{box}{label}{detail}</g>"


def _text(x: float, y: float, text: str, look: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" {look}>{escape(_cut(text))}</text>'


def _curve(way: _Way, places: list[_Place]) -> str:
    """Bends and level pieces; the label stands over a level piece, where no other edge crosses it."""
    x, y = places[0].x + places[0].width, places[0].y + places[0].height / 2
    path, label_x, label_y = f"M{x:.1f},{y:.1f}", 0.0, 0.0
    last = len(places) - 1
    for index, place in enumerate(places[1:], 1):
        to_x, to_y = place.x, place.y + place.height / 2
        labelled = index == (last if way.straight_at_end else 1)
        room = len(_cut(way.edge.label)) * _SMALL_CHAR + 14 if labelled else 0.0
        room = min(room, max(to_x - x - _BEND, 0.0))
        start, stop = (x, to_x - room) if way.straight_at_end else (x + room, to_x)
        half = (start + stop) / 2
        path += f" L{start:.1f},{y:.1f} C{half:.1f},{y:.1f} {half:.1f},{to_y:.1f} {stop:.1f},{to_y:.1f}"
        path += f" L{to_x:.1f},{to_y:.1f}"
        if labelled:
            label_x, label_y = ((stop + to_x) / 2, to_y) if way.straight_at_end else ((x + start) / 2, y)
        x, y = to_x + place.width, to_y
    drawn = f'<path d="{path}" fill="none" stroke="{_NEUTRAL}" stroke-width="1.5" marker-end="url(#tip)"/>'
    return drawn + (_text(label_x, label_y - 6, way.edge.label, _SMALL) if way.edge.label else "")


def _clean(text: str) -> str:
    # XML 1.0 has no way to write most control characters, not even as entities.
    return "".join(char if char.isprintable() else " " for char in text)


def _cut(text: str) -> str:
    text = _clean(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
