"""`rivusio explain RECORD`."""

from __future__ import annotations

from pathlib import Path

from rivusio_core.cli.console import Console
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.options import Command, Options, Parser
from rivusio_core.run_record import read_record

__all__ = ["COMMAND"]


def _add(parser: Parser) -> None:
    parser.add_argument(
        "target", metavar="RECORD", help="the file that the run keeps, named by its setting `record`; live or finished"
    )


def _execute(options: Options) -> int:
    record = read_record(Path(options.target))
    if options.json:
        Console().json(record.model_dump(mode="json"))
    else:
        Console().data(str(record))
    return ExitCode.FINE


COMMAND = Command(
    "explain",
    "say of a run, live or finished, why windows are still open, why items were late, and what is held",
    "rivusio run shop.py:flow --set record=run.json & rivusio explain run.json",
    _add,
    _execute,
)
