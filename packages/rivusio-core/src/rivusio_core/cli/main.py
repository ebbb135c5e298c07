"""The entry point: reads the command line, runs one command, and turns every error into a block and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rivusio_core.cli import check, explain, graph, plugins, run
from rivusio_core.cli.commands import command_names, load_command
from rivusio_core.cli.console import Block, Console
from rivusio_core.cli.exit_code import ExitCode, exit_code
from rivusio_core.cli.failure import blocks, flattened
from rivusio_core.cli.options import Command, Options, Parser, UsageError, add_common
from rivusio_core.errors import PluginError
from rivusio_core.nearest import did_you_mean

__all__ = ["COMMANDS", "main"]

COMMANDS: tuple[Command, ...] = (
    run.COMMAND,
    check.COMMAND,
    graph.COMMAND,
    explain.COMMAND,
    plugins.COMMAND,
)
"""Those of this package."""

_CODES = """exit codes:
  0 fine, also after a signal that led to a clean stop; 1 the run failed; 2 wrong usage or configuration;
  74 the checkpoint store failed; 75 stopping took too long,
  or a second signal broke it off; 130 interrupted before or after a run"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        The exit code.
    """
    console = Console()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parsed(given)
    except UsageError as error:
        console.error(Block(str(error), advice=(error.usage,)))
        return ExitCode.WRONG
    except PluginError as error:  # the command that was named, of another package
        for block in blocks([error], show_values=False, show_traceback="--traceback" in given):
            console.error(block)
        return exit_code([error])
    except SystemExit as leaving:  # argparse, after --help and --version
        return int(leaving.code or 0)
    except BrokenPipeError:
        console.nobody_reads()
        return ExitCode.FINE
    try:
        return options.execute(options)
    except BrokenPipeError:
        # Whoever read standard output has seen enough (`| head`); a complaint would help nobody.
        console.nobody_reads()
        return ExitCode.FINE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the one place where every error ends
        errors = flattened(error)
        for block in blocks(errors, show_values=options.show_values, show_traceback=options.traceback):
            console.error(block)
        return exit_code(errors)


def _parsed(given: list[str]) -> Options:
    named = next((each for each in given if not each.startswith("-")), None)
    parser, parsers = _parsers(named)
    if named is not None and named not in parsers:
        raise UsageError(f"no such command: {named}{did_you_mean(named, parsers)}", parser.format_usage().strip())
    if not given:
        parser.print_help(sys.stderr)
        raise SystemExit(ExitCode.WRONG)
    options, rest = parser.parse_known_args(given, Options())
    if rest:
        parsers.get(options.command, parser).refuse(rest)
    return options


def _commands(named: str | None) -> list[Command]:
    """The one that is named, or all, those of other packages included; of a broken package it must be named."""
    own = next((each for each in COMMANDS if each.name == named), None)
    if own is not None:
        return [own]
    names = command_names()
    if named in names:
        return [load_command(named)]
    found = [*COMMANDS]
    for name in names:
        try:
            found.append(load_command(name))
        except PluginError as error:
            Console().note(f"warning: {error}")
    return found


def _parsers(named: str | None) -> tuple[Parser, dict[str, Parser]]:
    parser = Parser(
        prog="rivusio",
        description="Run, check and draw typed pipelines and flows.",
        epilog=f"example:\n  rivusio run shop.py:flow --set monitoring.port=9464\n\n{_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    parsers = dict[str, Parser]()
    for command in _commands(named):
        parsers[command.name] = own = commands.add_parser(
            command.name,
            help=command.about,
            description=f"{command.about[0].upper()}{command.about[1:]}.{command.more and chr(10) * 2 + command.more}",
            epilog=f"example:\n  {command.example}\n\n{_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add(own)
        add_common(own)
        own.set_defaults(execute=command.execute)
    return parser, parsers


def _version() -> str:
    from rivusio_core.__about__ import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    return f"rivusio-core {__version__} (Python {python})"
