"""`rivusio graph TARGET`."""

from __future__ import annotations

from typing import cast

from rivusio_core.cli.console import Console
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.options import Command, Options, Parser
from rivusio_core.cli.target import TargetError, load_target
from rivusio_core.graph import GRAPH_FORMATS, GraphFormat
from rivusio_core.runnable import Compiled

__all__ = ["COMMAND"]


def _add(parser: Parser) -> None:
    parser.add_argument("target", metavar="TARGET", help="module:flow or file.py:flow")
    parser.add_argument("--format", choices=GRAPH_FORMATS, default="text", help="how to draw it (default: text)")
    parser.add_argument("--code", action="store_true", help="show the loops it is compiled to instead")


def _execute(options: Options) -> int:
    if options.code:
        return _show_code(options)
    shown = "json" if options.json else cast("GraphFormat", options.format)  # argparse has checked the choice
    Console().data(load_target(options.target).graph(shown))
    return ExitCode.FINE


def _show_code(options: Options) -> int:
    target = load_target(options.target)
    if not isinstance(target, Compiled):
        raise TargetError(f"{options.target} has no generated code", advice=("draw it without --code",))
    loops = target.code()
    if options.json:
        Console().json([loop.to_json() for loop in loops])
    else:
        Console().data("\n".join(map(str, loops)) or "# no step is compiled to a loop")
    return ExitCode.FINE


COMMAND = Command(
    "graph",
    "draw a flow or pipeline: its steps, and the types that flow between them",
    "rivusio graph shop.py:flow --format svg > flow.svg",
    _add,
    _execute,
)
