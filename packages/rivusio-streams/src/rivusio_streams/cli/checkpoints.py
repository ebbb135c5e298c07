"""`rivusio checkpoints list|show|save|reset|migrate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rivusio_core.cli.console import Console, table
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.options import Command, Options, Parser, UsageError, add_settings

if TYPE_CHECKING:  # the command line is read before anything of streams is needed
    from rivusio_streams.cli.kept import Kept

__all__ = ["COMMAND"]

_ACTIONS = ("list", "show", "save", "reset", "migrate")
_USAGE = "usage: rivusio checkpoints list|show|save|reset|migrate TARGET [NAME] [options]"


class _Options(Options):
    name: str = ""
    savepoints: bool = False
    yes: bool = False
    dry_run: bool = False
    rename: list[str]
    drop: list[str]
    accept: list[str]
    to: str = ""


def _add(parser: Parser) -> None:
    parser.add_argument("action", choices=_ACTIONS, metavar="|".join(_ACTIONS), help="what to do; see above")
    parser.add_argument("target", metavar="TARGET", help="module:flow or file.py:flow")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="show: a number or savepoint; save: the savepoint's name"
    )
    parser.add_argument("--savepoints", action="store_true", help="reset: savepoints, too")
    parser.add_argument("--yes", action="store_true", help="reset: do not ask")
    parser.add_argument("--dry-run", action="store_true", help="migrate, reset: only say what would be done")
    parser.add_argument("--rename", metavar="OLD=NEW", action="append", default=[], help="migrate: a step's new name")
    parser.add_argument("--drop", metavar="STEP", action="append", default=[], help="migrate: throw its state away")
    parser.add_argument(
        "--accept", metavar="STEP", action="append", default=[], help="migrate: its state fits though it changed"
    )
    parser.add_argument("--to", metavar="PLACE", default="", help="migrate: write to another place")
    add_settings(parser)


def _execute(given: Options) -> int:
    from rivusio_streams.cli.kept import Kept  # brings the engine

    options = cast("_Options", given)
    kept = Kept.of(options.target, options.settings, Path.cwd(), os.environ)
    match options.action:
        case "list":
            return _list(kept, options)
        case "show":
            return _show(kept, options)
        case "save":
            return _save(kept, options)
        case "reset":
            return _reset(kept, options)
        case _:
            return _migrate(kept, options)


def _list(kept: Kept, options: _Options) -> int:
    rows = kept.rows()
    if options.json:
        Console().json([row.to_json() for row in rows])
    elif rows:
        head = ("checkpoint", "made", "bytes", "")
        Console().data(table([head, *((row.name, row.made, f"{row.size:,}", row.note) for row in rows)]))
    else:
        Console().note(f"{kept.place} has no checkpoints of {kept.flow!r}")
    return ExitCode.FINE


def _show(kept: Kept, options: _Options) -> int:
    shown = kept.shown(options.name)
    if options.json:
        Console().json(shown.to_json())
    else:
        Console().data(str(shown))
    return ExitCode.FINE


def _save(kept: Kept, options: _Options) -> int:
    if not options.name:
        raise UsageError("what is the savepoint to be called?", _USAGE)
    number = kept.save(options.name)
    Console().note(f"checkpoint {number} is kept as {options.name!r}; begin there with --set savepoint={options.name}")
    return ExitCode.FINE


def _reset(kept: Kept, options: _Options) -> int:
    count = kept.count(savepoints=options.savepoints)
    what = f"{count} {'checkpoint' if count == 1 else 'checkpoints'} of {kept.flow!r} in {kept.place}"
    if options.dry_run or not count:
        Console().note(f"{what}{' would be thrown away' if count else ': nothing to do'}")
        return ExitCode.FINE
    if not options.yes:
        raise UsageError(
            f"this throws away {what}: the next run begins anew, and writes again what it wrote; if that is meant, add "
            "--yes",
            _USAGE,
        )
    kept.reset(savepoints=options.savepoints)
    Console().note(f"{what} thrown away")
    return ExitCode.FINE


def _migrate(kept: Kept, options: _Options) -> int:
    renamed = dict[str, str]()
    for each in options.rename:
        old, equals, new = each.partition("=")
        if not (old and equals and new):
            raise UsageError(f"--rename {each}: write OLD=NEW", _USAGE)
        renamed[old] = new
    number, place = kept.migrate(renamed, options.drop, options.accept, options.to, dry_run=options.dry_run)
    done = "would be written" if options.dry_run else "is written"
    Console().note(f"checkpoint {number} {done} to {place}: it fits the flow {kept.flow!r}")
    return ExitCode.FINE


COMMAND = Command(
    "checkpoints",
    "look at, keep, throw away or adapt the checkpoints of a flow",
    "rivusio checkpoints list shop.py:flow --set checkpoint=state.db",
    _add,
    _execute,
    more=(
        "list     all checkpoints and savepoints of the flow, damaged ones told; also while it runs\n"
        "show     what one holds: positions, state, staged results; the latest by default\n"
        "save     keep the latest as a savepoint: it stays until `reset --savepoints`\n"
        "reset    throw all away: the next run begins anew\n"
        "migrate  make the latest fit a flow whose steps have changed, or copy it to another place\n\n"
        "The place is the run's own setting `checkpoint`, from files, environment or --set."
    ),
)
