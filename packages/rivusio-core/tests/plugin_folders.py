"""Distributions made on the fly: a folder with modules and a `.dist-info`, as an installer would leave it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path


def distribution(
    folder: Path, name: str, *, version: str = "1.0", group: str = "rivusio", points: Mapping[str, str], **modules: str
) -> Path:
    """Write a distribution into `folder` and return that; modules are given by name with their source text."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = [f"[{group}]", *(f"{point} = {target}" for point, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text, encoding="utf-8")
    return folder


def points_of(*folders: Path) -> list[EntryPoint]:
    """The entry points of the distributions in these folders, and of no others."""
    found = importlib.metadata.distributions(path=[str(folder) for folder in folders])
    return [point for each in found for point in each.entry_points if point.group == "rivusio"]
