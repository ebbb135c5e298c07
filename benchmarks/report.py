"""What was measured, as text, as a table and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["publish", "shown", "table"]


def shown(name: str, found: dict[str, Any]) -> str:
    """One workload, for the terminal."""
    lines = [f"{name}  {found['title']}"]
    for contender, own in sorted(found["contenders"].items(), key=lambda each: -each[1]["ratio"]):
        spread = f"{own['lowest']:.2f} to {own['highest']:.2f}"
        rate = f"{own['items_a_second']:>14,.0f} items/s"
        lines.append(f"    {contender:<18}{rate}{own['ratio']:>8.3g} of the loop   {spread}")
    lines += [f"    {contender:<18}not measured: {why}" for contender, why in sorted(found["refused"].items())]
    return "\n".join(lines)


def table(found: dict[str, Any]) -> str:
    """All workloads in Markdown: ratios to the loop, the spread in brackets."""
    workloads = found["workloads"]
    names = sorted(
        {contender for each in workloads.values() for contender in each["contenders"]} - {"loop"},
        key=lambda name: (name != "rivusio", name),
    )
    lines = [f"| | {' | '.join(workloads)} |", f"|---|{'---|' * len(workloads)}"]
    for name in names:
        cells = [_cell(each["contenders"].get(name)) for each in workloads.values()]
        lines.append(f"| {_label(name, found['versions'])} | {' | '.join(cells)} |")
    rates = [f"{each['contenders']['loop']['items_a_second']:,.0f}" for each in workloads.values()]
    return "\n".join([*lines, f"| the loop, items/s | {' | '.join(rates)} |"]) + "\n"


def _cell(own: dict[str, Any] | None) -> str:
    if own is None:
        return ""
    return f"{_short(own['ratio'])} ({_short(own['lowest'])} to {_short(own['highest'])})"


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"


def _label(name: str, versions: dict[str, str]) -> str:
    labels = {
        "rivusio": "**Rivusio**",
        "validating_loop": "a loop with `model_validate_json`",
        "rivusio_0_2": "rivusio",
    }
    label = labels.get(name, name)
    return f"{label} {versions[name]}" if name in versions else label


def picture(found: dict[str, Any], path: Path) -> None:
    """The ratios as bars, on a logarithmic scale: the line is the hand-written loop."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "rivusio"
    from matplotlib import pyplot as plt

    workloads = found["workloads"]
    figure, axes = plt.subplots(1, len(workloads), figsize=(2.1 * len(workloads), 4.2), sharex=True)
    for ax, (name, each) in zip(axes, workloads.items(), strict=True):
        own = {key: value for key, value in each["contenders"].items() if key not in ("loop", "validating_loop")}
        ordered = sorted(own, key=lambda key: own[key]["ratio"])
        colours = ["#0b7285" if key == "rivusio" else "#adb5bd" for key in ordered]
        ax.barh(ordered, [own[key]["ratio"] for key in ordered], color=colours)
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set(xscale="log", xlim=(0.002, 3), title=name)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("items a second, as a share of the hand-written loop (the line)", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def publish(found: dict[str, Any], results: Path, docs: Path) -> None:
    """Keep the figures, and write table and picture for the docs."""
    results.parent.mkdir(exist_ok=True)
    docs.mkdir(exist_ok=True)
    results.write_text(json.dumps(found, indent=2) + "\n")
    (docs / "workloads.md").write_text(table(found))
    picture(found, docs / "workloads.svg")
