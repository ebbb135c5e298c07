"""Commands that other packages bring: found by the metadata of distributions, imported only when asked for.

An entry point of the group `rivusio.commands` names a `Command`; its name is that of the command:

    [project.entry-points."rivusio.commands"]
    checkpoints = "rivusio_streams.cli.checkpoints:COMMAND"
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from rivusio_core.cli.options import Command
from rivusio_core.errors import PluginLoadError, PluginTypeError
from rivusio_core.import_failure import ImportFailure

__all__ = ["COMMAND_GROUP", "command_names", "load_command"]

COMMAND_GROUP = "rivusio.commands"
"""The entry-point group."""


def command_names() -> tuple[str, ...]:
    """The names of the commands that installed packages bring; imports nothing."""
    return tuple(sorted({point.name for point in entry_points(group=COMMAND_GROUP)}))


def load_command(name: str) -> Command:
    """Import a command.

    Raises:
        PluginLoadError: it cannot be imported.
        PluginTypeError: it is no `Command`, or one of another name.
    """
    point = next(each for each in entry_points(group=COMMAND_GROUP) if each.name == name)
    found = _loaded(point)
    if not isinstance(found, Command) or found.name != name:
        raise PluginTypeError(f"{_of(point)}: {point.value} is no command {name!r}; see rivusio_core.cli.commands")
    return found


def _loaded(point: EntryPoint) -> object:
    try:
        found: object = point.load()
    except (Exception, SystemExit) as error:
        message = f"the command {point.name!r} of {_of(point)} cannot be imported: {ImportFailure.of(error)}"
        raise PluginLoadError(message) from error
    return found


def _of(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown package"
