"""The table of the documentation, made of the source of the queries: `python benchmarks/nexmark/table.py`.

Lines of code are those that hold code: no blank lines, comments, docstrings, imports. What several queries share
(the functions and classes of `nexmark.queries` that a query's own code leads to) is counted beside, for each of them.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that the script finds its own package

from nexmark.sql import NAMES, asked

__all__ = ["Part", "parts", "reached", "table"]

FOLDER: Final = Path(__file__).with_name("queries")
STEPS: Final = (
    *("filter", "map", "flat_map", "merge", "key_by", "window", "aggregate", "fold", "collect", "reduce", "scan"),
    *("process", "distinct", "join", "interval_join", "asof_join"),
)
NAMED: Final = ("Tumbling", "Hopping", "Sliding", "Session", "Count", "Global", "Daily", "Aggregator", "Processor")
"""Windows, and what is derived from."""


@dataclass(frozen=True)
class Part:
    """A function, class or constant of the queries."""

    name: str
    node: ast.stmt
    lines: int

    def names(self) -> Iterator[str]:
        """Every plain name in it."""
        return (node.id for node in ast.walk(self.node) if isinstance(node, ast.Name))

    def primitives(self) -> Iterator[str]:
        """What it uses of the library."""
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name) and node.id in NAMED:
                yield node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "agg":
                yield f"agg.{node.attr}"
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STEPS:
                yield node.func.attr


def parts() -> dict[str, Part]:
    """All of them, by name."""
    found = dict[str, Part]()
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem == "__init__":
            continue
        source = path.read_text()
        tree = ast.parse(source)
        code = _code_lines(source) - _docstring_lines(tree)
        for node in tree.body:
            for name in _defined(node):
                span = range(_first_line(node), (node.end_lineno or node.lineno) + 1)
                found[name] = Part(name, node, len(code.intersection(span)))
    return found


def reached(name: str, known: Mapping[str, Part]) -> dict[str, Part]:
    """The part itself, and every part that it leads to."""
    found = dict[str, Part]()
    waiting = [name]
    while waiting:
        part = known[waiting.pop()]
        if part.name not in found:
            found[part.name] = part
            waiting += [each for each in part.names() if each in known]
    return found


def table() -> str:
    """As Markdown."""
    known = parts()
    lines = ["| query | what it asks | primitives | lines | with what is shared |", "|---|---|---|--:|--:|"]
    for name in NAMES:
        all_parts = reached(name, known)
        used = {each for part in all_parts.values() for each in part.primitives()}
        order = {each: index for index, each in enumerate((*STEPS, *NAMED))}
        shown = ", ".join(f"`{each}`" for each in sorted(used, key=lambda each: (order.get(each, 99), each)))
        own, every = known[name].lines, sum(part.lines for part in all_parts.values())
        lines.append(f"| {name} | {asked(name)} | {shown} | {own} | {every} |")
    return "\n".join(lines) + "\n"


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name) and target.id != "__all__"]


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return min([node.lineno, *(each.lineno for each in decorators)])


def _code_lines(source: str) -> set[int]:
    """The lines that hold something else than a comment."""
    nothing = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {line for each in tokens if each.type not in nothing for line in range(each.start[0], each.end[0] + 1)}


def _docstring_lines(tree: ast.AST) -> set[int]:
    """Texts that stand for themselves."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


if __name__ == "__main__":
    print(table(), end="")
