"""The layers of a run's configuration, each value with the place it came from.

Lowest first: `pyproject.toml` (`[tool.rivusio]`), `rivusio.toml`, environment (`RIVUSIO__MONITORING__PORT=9464`),
command line (`--set monitoring.port=9464`). A higher layer replaces single values of a lower one, never whole tables.
Nothing is substituted into text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

from rivusio_core.errors import ConfigError, Fault
from rivusio_core.toml_file import parse_toml, read_text

__all__ = ["ENV_PREFIX", "Layers", "Leaf", "Table"]

ENV_PREFIX = "RIVUSIO__"
_ENV_LIKE = "RIVUSIO"
_MAX_PARTS = 16
_PART = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Leaf:
    """A value and where it was given.

    Attributes:
        value: as written; never shown in messages.
        where: a file, the name of a variable, or `--set`.
        text: it came as text, so that `9464` may mean a number.
    """

    value: object = field(repr=False)
    where: str
    text: bool = False


@dataclass
class Table:
    """Settings by name, and where the table was first mentioned."""

    where: str = ""
    children: dict[str, Node] = field(default_factory=dict[str, "Node"])

    def plain(self) -> dict[str, object]:
        """The values without their places."""
        return {
            name: child.plain() if isinstance(child, Table) else child.value for name, child in self.children.items()
        }

    def where_of(self, path: Iterable[object]) -> str:
        """Where the setting at `path` was given, or the nearest table around it."""
        node: Node = self
        for part in path:
            if not isinstance(node, Table) or part not in node.children:
                break
            node = node.children[str(part)]
        return node.where

    def leaves(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
        """All values with their paths."""
        for name, child in self.children.items():
            if isinstance(child, Table):
                yield from child.leaves((*path, name))
            else:
                yield (*path, name), child

    def put(self, path: tuple[str, ...], leaf: Leaf) -> None:
        """Set the value at `path`, replacing what a lower layer says there.

        Raises:
            ConfigError: a lower layer has a single value where this path goes on.
        """
        table = self
        for depth, part in enumerate(path[:-1], 1):
            child = table.children.setdefault(part, Table(leaf.where))
            if isinstance(child, Leaf):
                # Replacing it would silently drop, say, the checkpoint because someone sets a detail of it.
                message = f"{'.'.join(path[:depth])} is a single value in {child.where}, and has no settings of its own"
                raise ConfigError(faults=[Fault(message, ".".join(path), leaf.where)])
            table = child
        present = table.children.get(path[-1])
        if isinstance(present, Table) and present.where == leaf.where:
            raise ConfigError(faults=[Fault("is both a value and a table", ".".join(path), leaf.where)])
        table.children[path[-1]] = leaf


Node: TypeAlias = Leaf | Table


class Layers:
    """All layers read so far, as one table, and the faults found in reading them.

    Example:
        >>> layers = Layers()
        >>> layers.add_environment({"RIVUSIO__MONITORING__PORT": "9464"})
        >>> layers.add_overrides(["name=orders", "monitoring.port=0"])
        >>> layers.table.plain()
        {'monitoring': {'port': '0'}, 'name': 'orders'}
    """

    def __init__(self) -> None:
        self.table = Table()
        self.faults: list[Fault] = []
        self.misspelt: list[str] = []
        """Variables that look like settings and are none."""

    def add_files(self, folder: Path) -> None:
        """Read `pyproject.toml` and `rivusio.toml` of a folder, where they exist."""
        self._add_file(folder / "pyproject.toml", ("tool", "rivusio"))
        self._add_file(folder / "rivusio.toml", ())

    def _add_file(self, path: Path, inside: tuple[str, ...]) -> None:
        if not path.exists():
            return
        try:
            text = read_text(path, path.name)
            if inside and inside[-1] not in text:  # most projects say nothing here: spare them the parser
                return
            content: object = parse_toml(text, path.name)
        except ConfigError as error:
            self.faults += error.faults
            return
        for depth, part in enumerate(inside, 1):
            content = cast("Mapping[str, object]", content).get(part, {})
            if not isinstance(content, dict):
                self.faults.append(Fault("must be a table", ".".join(inside[:depth]), path.name))
                return
        self._add_table(cast("Mapping[str, object]", content), (), path.name)

    def _add_table(self, content: Mapping[str, object], path: tuple[str, ...], where: str) -> None:
        for name, value in content.items():
            if isinstance(value, dict):
                self._touch((*path, name), where)
                self._add_table(cast("Mapping[str, object]", value), (*path, name), where)
            else:
                self._put((*path, name), Leaf(value, where))

    def _touch(self, path: tuple[str, ...], where: str) -> None:
        """An empty table says something too: it names a plugin."""
        table: Node = self.table
        for part in path:
            if isinstance(table, Leaf):
                return
            table = table.children.setdefault(part, Table(where))

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Read the variables `RIVUSIO__SECTION__NAME`."""
        for name in sorted(environ):
            if not name.upper().startswith(_ENV_LIKE + "_"):
                continue
            parts = name.removeprefix(ENV_PREFIX).lower().split("__")
            if name != name.upper() or not name.startswith(ENV_PREFIX) or not all(map(_PART.fullmatch, parts)):
                self.misspelt.append(name)
            elif len(parts) > _MAX_PARTS:
                self.faults.append(Fault(f"a name of more than {_MAX_PARTS} parts", where=name[:80]))
            else:
                self._put(tuple(parts), Leaf(environ[name], name, text=True))

    def add_overrides(self, assignments: Iterable[str]) -> None:
        """Read `KEY=VALUE` texts of the command line, where a key is dotted."""
        for assignment in assignments:
            key, equals, value = assignment.partition("=")
            parts = key.strip().split(".")
            if not equals or not all(map(_PART.fullmatch, parts)):
                shown = key[:80] if equals else "..."  # without `=` it may be a secret that lost its key
                self.faults.append(Fault(f"write KEY=VALUE, as in monitoring.port=9464, not {shown!r}", where="--set"))
            elif len(parts) > _MAX_PARTS:
                self.faults.append(Fault(f"a key of more than {_MAX_PARTS} parts", where="--set"))
            else:
                self._put(tuple(parts), Leaf(value, "--set", text=True))

    def _put(self, path: tuple[str, ...], leaf: Leaf) -> None:
        try:
            self.table.put(path, leaf)
        except ConfigError as error:
            self.faults += error.faults
