"""What text connectors share: paths, and values from and to lines of JSON."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from rivusio_core.errors import BadRecord, ConfigError, Fault, ItemRefused
from rivusio_streams.source import Rejected

__all__ = ["bad_record", "decode_lines", "encode_lines", "path_of"]

T = TypeVar("T")


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


def bad_record(where: str, error: ValueError) -> BadRecord:
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


def decode_lines(
    lines: Sequence[bytes], adapter: TypeAdapter[T], path: str, before: int
) -> tuple[list[T], list[Rejected]]:
    """The values of some lines of JSON, and the lines that hold none; blank ones are passed over.

    Args:
        lines: with or without their line ends.
        adapter: of the type of a value.
        path: the file, for errors.
        before: how many lines of the file come before these.
    """
    validate = adapter.validate_json
    try:
        return [validate(line) for line in lines], []
    except ValueError:  # rare: only then line by line
        pass
    items, rejected = list[T](), list[Rejected]()
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            continue
        try:
            items.append(validate(line))
        except ValueError as error:
            rejected.append(Rejected(len(items), line.rstrip(b"\r\n"), bad_record(f"{path}:{number}", error)))
    return items, rejected


def encode_lines(values: Sequence[object], target: str) -> bytes:
    """Values as lines of JSON.

    Raises:
        ItemRefused: one cannot be written as JSON; `target` says where to.
    """
    lines: list[bytes] = []
    for value in values:
        try:
            lines.append(to_json(value, inf_nan_mode="null", bytes_mode="base64"))
        except Exception as error:
            raise ItemRefused(
                f"{target}: a {type(value).__name__} cannot be written as JSON ({type(error).__name__}); "
                "map it to a model or to plain values before"
            ) from error
    lines.append(b"")
    return b"\n".join(lines)
