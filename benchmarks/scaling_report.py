"""Table and plot of what `scaling.py` found, for the documentation: `python benchmarks/scaling_report.py`."""

from __future__ import annotations

import json
from typing import Any

from marked import between
from scaling import RESULTS
from workloads import SUITES

__all__ = ["document", "table", "write"]

PAGE = SUITES[0].page
PLOT = PAGE.with_name("scaling.svg")
BEGIN, END = "<!-- begin: made by benchmarks/scaling_report.py -->", "<!-- end of scaling -->"

Found = dict[str, list[dict[str, Any]]]


def write(found: Found) -> None:
    """Put the table between its marks, and draw the plot."""
    PAGE.write_text(document(PAGE.read_text(), found))
    draw(found)


def document(page: str, found: Found) -> str:
    """The page with these results between its marks.

    Raises:
        ValueError: it has no such marks.
    """
    return between(page, BEGIN, END, table(found))


def table(found: Found) -> str:
    """As Markdown: one row a size."""
    lines = ["| what grows | to | items | ns an item | bytes each |", "|---|--:|--:|--:|--:|"]
    for what, points in found.items():
        for point in points:
            each = f"{point['bytes_each']:,.0f}" if "bytes_each" in point else ""
            lines.append(f"| {what} | {point['size']:,} | {point['items']:,} | {point['ns_per_item']:,.0f} | {each} |")
    return "\n".join(lines) + "\n"


def draw(found: Found) -> None:
    """What an item costs, by size, one line for each thing that grows."""
    import matplotlib as mpl  # of the benchmark's environment only

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "rivusio"  # the same results make the same file
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4))
    for marker, (what, points) in zip("osDv", found.items(), strict=True):
        axes.plot(
            [each["size"] for each in points], [each["ns_per_item"] for each in points], marker=marker, label=what
        )
    axes.set(xscale="log", ylim=(0, None), xlabel="so many of them", ylabel="ns an item")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(PLOT, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text()))
