"""Table of what `checkpoints.py` found, for the documentation: `python benchmarks/checkpoints_report.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from checkpoints import RESULTS
from marked import between
from workloads import SUITES

__all__ = ["table", "write"]

BEGIN, END = "<!-- begin: made by benchmarks/checkpoints_report.py -->", "<!-- end of checkpoints -->"


def write(found: Sequence[dict[str, Any]]) -> None:
    """Put the table between its marks."""
    page = SUITES[0].page
    page.write_text(between(page.read_text(), BEGIN, END, table(found)))


def table(found: Sequence[dict[str, Any]]) -> str:
    """As Markdown: one row a size."""
    lines = [
        "| keys | changed | written, bytes | the loop works, ms | without | is silent, ms | without | throughput |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for point in found:
        kept, bare = point["with"], point["without"]
        cells = [
            f"{point['keys']:,}",
            f"{point['keys'] // 100:,}",
            f"{kept['bytes']:,}",
            f"{kept['works_ms']:,}",
            f"{bare['works_ms']:,}",
            f"{kept['silent_ms']:,}",
            f"{bare['silent_ms']:,}",
            f"{point['throughput']:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text()))
