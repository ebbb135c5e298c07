"""Table and plot of what `columnar.py` found, for the documentation: `python benchmarks/columnar_report.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from columnar import RESULTS
from marked import between
from workloads import SUITES

__all__ = ["document", "table", "write"]

PAGE: Path = SUITES[0].page
PLOT: Path = PAGE.with_name("columnar.svg")
BEGIN, END = "<!-- begin: made by benchmarks/columnar_report.py -->", "<!-- end of columnar -->"


def write(found: dict[str, Any]) -> None:
    """Put the table between its marks, and draw the plot."""
    PAGE.write_text(document(PAGE.read_text(), found))
    draw(found)


def document(page: str, found: dict[str, Any]) -> str:
    """The page with these results between its marks.

    Raises:
        ValueError: it has no such marks.
    """
    return between(page, BEGIN, END, table(found))


def table(found: dict[str, Any]) -> str:
    """As Markdown: one row a size, and what making batches of rows costs."""
    return "\n".join([*_sizes(found), "", *_transfer(found)]) + "\n"


def _sizes(found: dict[str, Any]) -> Iterator[str]:
    rows = found["rows"]
    loop, own = rows["loop"], rows["rows"]
    yield f"Medians of {found['rounds']} rounds. Row by row: the loop {loop:,.0f} ns, Rivusio {own:,.0f} ns."
    yield ""
    yield "| rows a batch | Rivusio, ns a row | polars by hand | ratio | lowest to highest | to Rivusio row by row |"
    yield "|--:|--:|--:|--:|---|--:|"
    for size, each in found["sizes"].items():
        low, high = each["spread"]
        yield (
            f"| {int(size):,} | {each['rivusio']:,.0f} | {each['polars']:,.0f} ({each['by']}) | {each['ratio']:.2f} | "
            f"{low:.2f} to {high:.2f} | {each['rivusio'] / own:.2f} |"
        )


def _transfer(found: dict[str, Any]) -> Iterator[str]:
    yield "| rows of a | pack, ns a row | unpack, ns a row |"
    yield "|---|--:|--:|"
    for kind, name in (("Order", "NamedTuple"), ("Model", "pydantic model")):
        each = found["transfer"][kind]
        yield f"| {name} | {each['pack']:,.0f} | {each['unpack']:,.0f} |"


def draw(found: dict[str, Any]) -> None:
    """What a row costs, by rows a batch."""
    import matplotlib as mpl  # of the benchmark's environment only

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "rivusio"  # the same results make the same file
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4))
    sizes = [*map(int, found["sizes"])]
    for marker, (name, label) in zip(
        "Do", (("rivusio", "Rivusio, columns"), ("polars", "polars by hand")), strict=True
    ):
        axes.plot(sizes, [each[name] for each in found["sizes"].values()], marker=marker, label=label)
    for style, (name, label) in zip(("-", "--"), (("rows", "Rivusio, rows"), ("loop", "loop over rows")), strict=True):
        axes.axhline(found["rows"][name], color="black", linewidth=1, linestyle=style, label=label)
    axes.set(xscale="log", yscale="log", xlabel="rows a batch", ylabel="ns a row")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(PLOT, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text()))
