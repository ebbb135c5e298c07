"""The options that every command has, and the parser behind them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from rivusio_core.errors import DefinitionError
from rivusio_core.nearest import did_you_mean

__all__ = ["Command", "Options", "Parser", "UsageError", "add_common", "add_settings"]


class UsageError(DefinitionError):
    """The command line is wrong; `usage` is the right form."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class Options(argparse.Namespace):
    """The command line, read."""

    command: str = ""
    target: str = ""
    format: str = "text"
    action: str = ""
    plugin: str = ""
    json: bool = False
    code: bool = False
    profile: bool = False
    show_values: bool = False
    traceback: bool = False
    settings: list[str]
    listeners: list[str]
    execute: Callable[[Options], int]


@dataclass(frozen=True)
class Command:
    """A sub-command: its name, one line about it, how to add its arguments, and what it does."""

    name: str
    about: str
    example: str
    add: Callable[[Parser], None]
    execute: Callable[[Options], int]
    more: str = field(default="")


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes become `UsageError`s with near names."""

    def error(self, message: str) -> NoReturn:
        """Instead of printing and leaving."""
        raise UsageError(message, self.format_usage().strip())

    def known_options(self) -> list[str]:
        """The long options."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def refuse(self, arguments: list[str]) -> NoReturn:
        """Say which argument is not known, and what was probably meant."""
        first = arguments[0]
        if first.startswith("-"):
            name = first.partition("=")[0]
            hint = did_you_mean(name, self.known_options())
            self.error(f"no such option: {name}{hint}")
        self.error(f"one argument too many ({len(arguments)} are not understood)")


def add_common(parser: Parser) -> None:
    """`--json`, `--show-values`, `--traceback`."""
    parser.add_argument("--json", action="store_true", help="print data as JSON")
    parser.add_argument("--show-values", action="store_true", help="show texts of errors that may quote items")
    parser.add_argument("--traceback", action="store_true", help="show where errors came from, in full")


def add_settings(parser: Parser) -> None:
    """`--set`."""
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting of the run or of a plugin, over files and environment; may be repeated",
    )
