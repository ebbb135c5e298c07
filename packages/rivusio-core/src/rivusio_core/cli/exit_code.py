"""What the command's exit codes mean, and which one an error has."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from rivusio_core.errors import CheckpointCorrupt, CheckpointWriteError, DefinitionError, DrainTimeout

__all__ = ["ExitCode", "exit_code"]


class ExitCode(IntEnum):
    """As documented in `rivusio --help`."""

    FINE = 0
    FAILED = 1
    WRONG = 2
    STORE_FAILED = 74
    BROKEN_OFF = 75
    INTERRUPTED = 130


def exit_code(errors: Sequence[BaseException]) -> ExitCode:
    """The code for the errors that ended a command: the most telling one."""
    if any(isinstance(error, CheckpointWriteError | CheckpointCorrupt) for error in errors):
        return ExitCode.STORE_FAILED
    if any(isinstance(error, DrainTimeout) for error in errors):
        return ExitCode.BROKEN_OFF
    if errors and all(isinstance(error, DefinitionError) for error in errors):
        return ExitCode.WRONG
    return ExitCode.FAILED
