"""Tables and a plot of the results, for the documentation: `python benchmarks/report.py` makes them anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marked import between
from workloads import SUITES, Suite

__all__ = ["document", "table", "write"]

BEGIN, END = "<!-- begin: made by benchmarks/report.py -->", "<!-- end -->"


def write(suite: Suite, results: dict[str, Any]) -> None:
    """Put the tables between the marks of the page, and draw the plot."""
    suite.page.write_text(document(suite.page.read_text(), results))
    draw(results, suite.page.with_suffix(".svg"))


def document(page: str, results: dict[str, Any]) -> str:
    """The page with these results between its marks."""
    return between(page, BEGIN, END, table(results))


def table(results: dict[str, Any]) -> str:
    """As Markdown."""
    return (
        "\n".join([*_head(results), *_ours(results), *_latencies(results), *_peers(results), *_reasons(results)]) + "\n"
    )


def _head(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    yield (
        f"Measured {machine['date']} with Python {machine['python']} on {machine['system']}, {machine['processors']} "
        f"processors, {results['rounds']} rounds. "
        + ", ".join(f"{who} {version}" for who, version in results["versions"].items() if who != "rivusio")
        + "."
    )
    yield ""


def _ours(results: dict[str, Any]) -> Iterator[str]:
    yield "| workload | | against | ratio | lowest to highest | goal |"
    yield "|---|---|---|--:|---|--:|"
    for name, each in results["workloads"].items():
        if name == "W7":
            continue  # items come as fast as they are made: only its latency says something
        goal = each["goal"]
        for ratio in each["ratios"]:
            if ratio["of"].startswith("rivusio") and ratio["of"] in _mine(each):
                first = ratio["of"] == "rivusio" and ratio["to"] == "loop"
                yield (
                    f"| {name} {each['title']} | {ratio['of']} | {ratio['to']} | {ratio['median']:.2f} | "
                    f"{ratio['lowest']:.2f} to {ratio['highest']:.2f} | {goal if first and goal else ''} |"
                )
    yield ""


def _mine(workload: dict[str, Any]) -> list[str]:
    return [who for who in workload["entries"] if who == "rivusio" or who.startswith("rivusio ")]


def _latencies(results: dict[str, Any]) -> Iterator[str]:
    latency = results["workloads"].get("W7")
    if latency is None:
        return
    yield "| W7 latency over three pipes | p50, us | p99, us |"
    yield "|---|--:|--:|"
    for who, entry in latency["entries"].items():
        yield f"| {who} | {entry['p50']} | {entry['p99']} |"
    yield ""


def _peers(results: dict[str, Any]) -> Iterator[str]:
    names = list(results["versions"])  # rivusio is the first
    yield "| ratio to the loop | items/s of rivusio | " + " | ".join(names) + " |"
    yield "|---|" + "--:|" * (len(names) + 1)
    for name, each in results["workloads"].items():
        if name != "W7":
            ratios = " | ".join(_to_loop(each, who) for who in names)
            yield f"| {name} | {each['entries']['rivusio']['rate']:,} | {ratios} |"
    yield ""


def _to_loop(workload: dict[str, Any], who: str) -> str:
    found = [each["median"] for each in workload["ratios"] if (each["of"], each["to"]) == (who, "loop")]
    return f"{found[0]:.3g}" if found else "-"


def _reasons(results: dict[str, Any]) -> Iterator[str]:
    for who, message in results["missing"].items():
        yield f"* **{who}** does not run here: `{' '.join(message.split())}`"
    for who in results["versions"]:
        about: dict[str, list[str]] = {}
        for name, workload in results["workloads"].items():
            for texts in (workload["remarks"], workload["cannot"]):
                if who in texts:
                    about.setdefault(texts[who], []).append(name)
        said = [f"{', '.join(names)}: {text}." for text, names in about.items()]
        if said or who in results["notes"]:
            yield " ".join([f"* **{who}**.", *([results["notes"][who]] if who in results["notes"] else []), *said])


def draw(results: dict[str, Any], plot: Path) -> None:
    """Every ratio to the loop, one row a workload."""
    import matplotlib as mpl  # of the benchmark's environment only

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "rivusio"  # the same results make the same file
    from matplotlib import pyplot as plt

    names = [name for name in results["workloads"] if name != "W7"]
    figure, axes = plt.subplots(figsize=(9, 0.7 * len(names) + 1.2))
    for number, who in enumerate(results["versions"]):
        points = [
            (each["median"], row)
            for row, name in enumerate(names)
            for each in results["workloads"][name]["ratios"]
            if (each["of"], each["to"]) == (who, "loop")
        ]
        size, marker = (90, "D") if who == "rivusio" else (40, "ov^<>sPX*phd"[number % 12])
        axes.scatter([x for x, _ in points], [y for _, y in points], s=size, marker=marker, label=who, zorder=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="ratio to the hand-written loop; right is faster")
    axes.set_yticks(range(len(names)), [f"{name} {results['workloads'][name]['title']}" for name in names])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(plot, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    for suite in SUITES:
        if suite.results.exists():
            write(suite, json.loads(suite.results.read_text()))
