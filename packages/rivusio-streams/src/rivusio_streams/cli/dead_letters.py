"""`rivusio dead-letters list|show|replay|purge`."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rivusio_core.cli.console import Console, table
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.options import Command, Options, Parser, UsageError, add_settings
from rivusio_core.duration import seconds

if TYPE_CHECKING:  # the command line is read before anything of streams is needed
    from rivusio_streams.letters.file import Letter
    from rivusio_streams.letters.groups import LetterGroup

__all__ = ["COMMAND"]

_ACTIONS = ("list", "show", "replay", "purge")
_USAGE = (
    "usage: rivusio dead-letters list FILE | show FILE WHICH | replay TARGET [FILE] [options] | purge FILE [options]"
)


class _Options(Options):
    first: str
    second: str = ""
    fingerprint: str = ""
    older_than: str = ""
    dry_run: bool = False
    alone: bool = False


def _add(parser: Parser) -> None:
    parser.add_argument("action", choices=_ACTIONS, metavar="|".join(_ACTIONS), help="what to do; see above")
    parser.add_argument("first", metavar="FILE", help="the letters, JSON lines; replay: the flow, as module:flow")
    parser.add_argument("second", metavar="WHICH", nargs="?", default="", help="show: which; replay: the file")
    parser.add_argument("--fingerprint", metavar="ID", default="", help="replay, purge: those alone; its start will do")
    parser.add_argument("--older-than", metavar="TIME", default="", help="purge: that failed longer ago, such as 30d")
    parser.add_argument("--dry-run", action="store_true", help="replay, purge: only say what would be done")
    parser.add_argument(
        "--alone", action="store_true", help="replay: steps that keep state may begin with nothing but these items"
    )
    add_settings(parser)


def _execute(given: Options) -> int:
    options = cast("_Options", given)
    match options.action:
        case "list":
            return _list(options)
        case "show":
            return _show(options)
        case "replay":
            return _replay(options)
        case _:
            return _purge(options)


def _list(options: _Options) -> int:
    from rivusio_streams.letters.file import letters_in
    from rivusio_streams.letters.groups import grouped

    if options.second:
        raise UsageError("list takes one file", _USAGE)
    found, damaged = grouped(letters_in(Path(options.first)))
    console = Console()
    if options.json:
        console.json({"groups": [each.to_json() for each in found], "damaged": damaged})
        return ExitCode.FINE
    if found:
        head = ("fingerprint", "letters", "step", "error", "at", "first", "last", "example")
        console.data(table([head, *map(_row, found)]))
    else:
        console.note(f"{options.first} has no dead letters")
    if damaged:
        console.note(f"{len(damaged)} lines are no dead letters, the first is line {damaged[0]}; they are left alone")
    return ExitCode.FINE


def _row(group: LetterGroup) -> tuple[str, ...]:
    ends = (group.first, group.last)
    moments = ["" if each is None else each.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") for each in ends]
    return (group.id, f"{group.count:,}", group.step, group.error, group.place, *moments, group.example)


def _show(options: _Options) -> int:
    from rivusio_streams.letters.file import letters_in
    from rivusio_streams.letters.groups import fingerprint_in

    wanted = options.second
    if not wanted:
        raise UsageError("which one? Give the number of a line, or a fingerprint as `list` shows it", _USAGE)
    letters = [each for each in letters_in(Path(options.first)) if each.fields is not None]
    by_name = [each for each in letters if fingerprint_in(each).startswith(wanted)]
    found = by_name or [each for each in letters if str(each.number) == wanted]
    if not found:
        raise UsageError(f"{options.first} has no letter {wanted}", _USAGE)
    letter, fields = found[0], dict(found[0].fields or {})
    fields.pop("kept", None)  # the same once more, for machines
    if not options.show_values:
        fields.pop("value", None)
        fields.pop("key", None)
    if options.json:
        Console().json({"line": letter.number, **fields, "alike": len(by_name)})
    else:
        Console().data("\n".join(_told(letter, fields, len(by_name))))
    return ExitCode.FINE


def _told(letter: Letter, fields: dict[str, object], alike: int) -> list[str]:
    from rivusio_streams.letters.groups import fingerprint_in

    lines = [f"line {letter.number}: {letter.step}: {letter.text('reason')}"]
    lines.append(f"  fingerprint {fingerprint_in(letter)}{f', the first of {alike}' if alike > 1 else ''}")
    trace = fields.get("trace")
    for each in cast("list[object]", trace) if isinstance(trace, list) else []:
        if isinstance(each, dict):
            cause = cast("dict[str, object]", each)
            place, text = cause.get("place"), cause.get("text")
            lines.append(f"  {cause.get('error')}{f' at {place}' if place else ''}{f': {text}' if text else ''}")
    for name in ("attempts", "source", "partition", "position", "time", "side", "run", "run_id", "first", "at", "type"):
        value = fields.get(name)
        if value not in (None, ""):
            lines.append(f"  {name} {value}")
    lines += [f"  {name} {fields[name]!r}" for name in ("key", "value") if name in fields]
    return lines if "value" in fields else [*lines, "  --show-values shows the item"]


def _replay(options: _Options) -> int:
    from typing import Any

    from rivusio_core.cli.target import TargetError, load_target
    from rivusio_core.config import load_configuration
    from rivusio_streams.config import RunConfig
    from rivusio_streams.flow import Flow
    from rivusio_streams.letters.replay import Replay, of_fingerprint

    flow = load_target(options.first, json=options.json)
    if not isinstance(flow, Flow):
        raise TargetError(f"{options.first} has no dead letters", advice=("name a flow: Stream.read(...).write(...)",))
    settings = load_configuration(
        flow.run_settings(), folder=Path.cwd(), environ=os.environ, overrides=options.settings
    ).run
    config = RunConfig(**cast("dict[str, Any]", dict(settings)))  # Any: checked there
    path = Path(options.second) if options.second else config.dead_letters
    if not isinstance(path, Path):
        raise UsageError("where are the letters? Give their file, or the run's setting `dead_letters`", _USAGE)
    wanted = of_fingerprint(options.fingerprint) if options.fingerprint else None
    replay = Replay(flow, path, config, wanted=wanted, alone=options.alone)
    told = replay.look() if options.dry_run else replay.run()
    if options.json:
        Console().json(told.to_json())
    else:
        Console().note(str(told))
    return ExitCode.FINE


def _purge(options: _Options) -> int:
    from rivusio_streams.letters.file import letters_in, rewrite
    from rivusio_streams.letters.groups import fingerprint_in

    if not options.fingerprint and not options.older_than:
        raise UsageError("which ones? Say --fingerprint ID, --older-than TIME, or both", _USAGE)
    limit = None
    if options.older_than:
        limit = datetime.now(UTC) - timedelta(seconds=seconds(options.older_than, "--older-than"))
    path, gone = Path(options.first), 0

    def goes(letter: Letter) -> bool:
        if letter.fields is None or not fingerprint_in(letter).startswith(options.fingerprint):
            return False
        at = letter.moment("at")
        return limit is None or (at is not None and at < limit)

    def change(letter: Letter) -> list[bytes]:
        nonlocal gone
        if goes(letter):
            gone += 1
            return []
        return [letter.line]

    if options.dry_run:
        gone = sum(map(goes, letters_in(path)))
    else:
        rewrite(path, change)
    if options.json:
        Console().json({"dry_run": options.dry_run, "purged": gone})
    else:
        letters = f"{gone} {'letter' if gone == 1 else 'letters'}"
        Console().note(f"{letters} {'would be ' if options.dry_run else ''}thrown away")
    return ExitCode.FINE


COMMAND = Command(
    "dead-letters",
    "look at items that failed for good, try them again, or throw them away",
    "rivusio dead-letters replay shop.py:flow dead.jsonl --set checkpoint=state.db",
    _add,
    _execute,
    more=(
        "list    the letters of a file by fingerprint: step, type of the error, place in the code, message\n"
        "show    one of them with its whole chain of errors: by the number of its line, or by fingerprint\n"
        "replay  items enter the flow at the step that failed, with their event time and key; sources stand still.\n"
        "        Those that pass leave the file, those that fail again stay. Give the settings of the flow's runs:\n"
        "        with its checkpoint, windows and state go on from where they are\n"
        "purge   throw away by age or fingerprint\n\n"
        "The file is what the run's setting `dead_letters` named; it may be in use by a run meanwhile."
    ),
)
