"""The table of the documentation, made of the source of the queries: `python benchmarks/nexmark/table.py`.

Lines of code are those that hold code: no blank lines, comments, docstrings, imports. What several queries share
(what a query's own code leads to, in `nexmark.queries` and what it imports of `nexmark`) is counted beside, for each of
them.
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

from nexmark.questions import NAMES, asked

__all__ = ["Part", "queries", "reached", "table"]

FOLDER: Final = Path(__file__).parent
STEPS: Final = (
    *("filter", "map", "flat_map", "merge", "key_by", "window", "aggregate", "fold", "collect", "reduce", "scan"),
    *("process", "distinct", "lookup", "join", "interval_join", "asof_join"),
)
NAMED: Final = ("Tumbling", "Hopping", "Sliding", "Session", "Count", "Global", "Daily", "Aggregator", "Processor")
"""Windows, and what is derived from."""

_QUERIES: Final = "queries.__init__"
_MODULES: Final = (
    *("functions", "times", "accumulators", "meetings"),
    *sorted(f"queries.{path.stem}" for path in (FOLDER / "queries").glob("*.py")),
)


@dataclass(frozen=True, eq=False)
class Part:
    """A function, class or constant of the queries.

    Attributes:
        lines: of code.
        scope: what names mean where it stands, as far as they are parts.
    """

    name: str
    node: ast.stmt
    lines: int
    scope: Mapping[str, Part]

    def leads_to(self) -> Iterator[Part]:
        """The parts that it names."""
        names = (name for node in ast.walk(self.node) if (name := _named(node)) is not None)
        return (self.scope[name] for name in names if name in self.scope)

    def primitives(self) -> Iterator[str]:
        """What it uses of the library."""
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name) and node.id in NAMED:
                yield node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "agg":
                yield f"agg.{node.attr}"
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STEPS:
                yield node.func.attr


def queries() -> dict[str, Part]:
    """Those that are named q and a number."""
    scopes = {module: dict[str, Part]() for module in _MODULES}
    imports = list[tuple[str, str, str]]()
    for module, scope in scopes.items():
        source = (FOLDER / f"{module.replace('.', '/')}.py").read_text()
        tree = ast.parse(source)
        code = _code_lines(source) - _docstring_lines(tree)
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                imports += [(module, (node.module or "").removeprefix("nexmark."), each.name) for each in node.names]
            span = range(_first_line(node), (node.end_lineno or node.lineno) + 1)
            for name in _defined(node):
                scope[name] = Part(name, node, len(code.intersection(span)), scope)
    for into, module, name in imports:
        if name == "functions":  # as f
            scopes[into] |= {f"f.{each}": part for each, part in scopes[name].items()}
        elif module in scopes:
            scopes[into][name] = scopes[module][name]
    return {name: scopes[_QUERIES][name] for name in NAMES}


def reached(query: Part) -> set[Part]:
    """The part itself, and every part that it leads to."""
    found, waiting = set[Part](), [query]
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting += part.leads_to()
    return found


def table() -> str:
    """As Markdown."""
    lines = ["| query | what it asks | primitives | lines | with what is shared |", "|---|---|---|--:|--:|"]
    for name, query in queries().items():
        all_parts = reached(query)
        used = {each for part in all_parts for each in part.primitives()}
        order = {each: index for index, each in enumerate((*STEPS, *NAMED))}
        shown = ", ".join(f"`{each}`" for each in sorted(used, key=lambda each: (order.get(each, 99), each)))
        own, every = query.lines, sum(part.lines for part in all_parts)
        lines.append(f"| {name} | {asked(name)} | {shown} | {own} | {every} |")
    return "\n".join(lines) + "\n"


def _named(node: ast.AST) -> str | None:
    """A name, or one of `functions`, as `f.name`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "f":
        return f"f.{node.attr}"
    return None


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
