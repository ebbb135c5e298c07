"""What text connectors share: paths, and values from and to JSON."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from pydantic import ValidationError
from rivusio_core.errors import BadRecord, ConfigError, Fault

__all__ = ["bad_record", "path_of"]


def path_of(path: str | PathLike[str], owner: str) -> Path:
    """The path of a file connector.

    Raises:
        ConfigError: it is empty or holds a NUL character, which the system would cut it at.
    """
    text = fspath(path)
    if not text or "\0" in text:
        fault = "must not be empty" if not text else "must not hold a NUL character"
        raise ConfigError(owner, faults=[Fault(fault, "path")])
    return Path(text)


def bad_record(where: str, error: ValidationError | ValueError) -> BadRecord:
    """Why a record is refused: place, fields and reasons, without quoting it."""
    if not isinstance(error, ValidationError):
        made = BadRecord(f"{where}: {type(error).__name__}")
    else:
        reasons = [
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" if each["loc"] else each["msg"]
            for each in error.errors(include_input=False, include_url=False, include_context=False)[:3]
        ]
        more = error.error_count() - len(reasons)
        made = BadRecord(f"{where}: {'; '.join(reasons)}{f'; and {more} more' if more > 0 else ''}")
    made.cause = made.__cause__ = error
    return made
