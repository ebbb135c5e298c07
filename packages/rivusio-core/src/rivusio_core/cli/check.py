"""`rivusio check TARGET`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rivusio_core.cli.console import Console
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.failure import flattened
from rivusio_core.cli.options import Command, Options, Parser, add_settings
from rivusio_core.cli.target import TargetError, load_target
from rivusio_core.config import load_configuration
from rivusio_core.errors import ConfigError, DefinitionError, Fault
from rivusio_core.runnable import Runnable

__all__ = ["COMMAND"]


def _add(parser: Parser) -> None:
    parser.add_argument("target", metavar="TARGET", help="module:flow or file.py:flow")
    add_settings(parser)


def _execute(options: Options) -> int:
    console = Console()
    try:
        runnable = load_target(options.target)
    except DefinitionError as error:
        if not options.json:
            raise
        faults = _faults(error)
        console.json({"target": options.target, "ok": False, "faults": faults})
        return ExitCode.WRONG
    settings, wrong = _settings(runnable, options)
    report = runnable.check(settings)
    if options.json:
        found = dict(report.to_json())
        more: object = found.get("faults", ())
        found["faults"] = [*(more if isinstance(more, list | tuple) else ()), *map(_shown, wrong)]
        console.json({"target": options.target, **found, "ok": report.ok and not wrong})
    else:
        console.data("\n".join([str(report), *(f"fault: {fault}" for fault in wrong)]))
    return ExitCode.FINE if report.ok and not wrong else ExitCode.WRONG


def _settings(runnable: Runnable, options: Options) -> tuple[Mapping[str, object] | None, tuple[Fault, ...]]:
    """The settings of a run, if nothing is wrong with them; else what is."""
    try:
        configuration = load_configuration(
            runnable.run_settings(), folder=Path.cwd(), environ=os.environ, overrides=options.settings
        )
    except ConfigError as error:
        return None, error.faults
    return configuration.run, ()


def _faults(error: DefinitionError) -> list[Mapping[str, str]]:
    found = list[Mapping[str, str]]()
    for each in flattened(error):
        faults = each.faults if isinstance(each, ConfigError) else (Fault(_message(each)),)
        found += map(_shown, faults)
    return found


def _message(error: BaseException) -> str:
    facts = error.facts if isinstance(error, TargetError) else ()
    return "; ".join([str(error), *(f"{name} {text}" for name, text in facts)])


def _shown(fault: Fault) -> Mapping[str, str]:
    return {"where": fault.where, "path": fault.path, "message": fault.message}


COMMAND = Command(
    "check",
    "find what is wrong with a flow or pipeline and its configuration, all at once, without running it",
    "rivusio check shop.py:flow --json",
    _add,
    _execute,
)
