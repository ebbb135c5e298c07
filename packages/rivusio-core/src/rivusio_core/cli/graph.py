"""`rivusio graph TARGET`."""

from __future__ import annotations

from typing import cast

from rivusio_core.cli.console import Console
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.options import Command, Options, Parser
from rivusio_core.cli.target import load_target
from rivusio_core.graph import GRAPH_FORMATS, GraphFormat

__all__ = ["COMMAND"]


def _add(parser: Parser) -> None:
    parser.add_argument("target", metavar="TARGET", help="module:flow or file.py:flow")
    parser.add_argument("--format", choices=GRAPH_FORMATS, default="text", help="how to draw it (default: text)")


def _execute(options: Options) -> int:
    shown = "json" if options.json else cast("GraphFormat", options.format)  # argparse has checked the choice
    Console().data(load_target(options.target).graph(shown))
    return ExitCode.FINE


COMMAND = Command(
    "graph",
    "draw a flow or pipeline: its steps, and the types that flow between them",
    "rivusio graph shop.py:flow --format svg > flow.svg",
    _add,
    _execute,
)
