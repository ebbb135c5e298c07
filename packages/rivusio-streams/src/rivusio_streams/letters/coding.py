"""Dead letters as lines of JSON, from which their items can be had again as they were.

A line is the envelope, for people and other programs; and, as `kept`, value and key in the form in which checkpoints
keep values, so that a dataclass comes back as that dataclass. Someone who edits `value` means it: the edited one is
then read as the type of the kept one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import from_json, to_json, to_jsonable_python

from rivusio_core.errors import CheckpointError, RunError, StateError
from rivusio_streams.connectors.lines import bad_record
from rivusio_streams.state import Codec
from rivusio_streams.state.schema import found_type
from rivusio_streams.state.upcast import Upcast

if TYPE_CHECKING:
    from rivusio_streams.dead_letter import Envelope

__all__ = ["Unreadable", "encode_letter", "item_of", "renewed"]

_PLAIN = (bool, int, float, str, type(None))


class Unreadable(Exception):
    """The item of a letter cannot be had again; the text says why."""


def encode_letter(letter: Envelope) -> bytes:
    """A letter as a line, without its end. Whatever the item is, there is a line: what JSON cannot hold is named."""
    try:
        kept = base64.b64encode(Codec().encode((letter.value, letter.key))).decode()
    except (StateError, RecursionError):  # of a type that is not kept, one that hides a secret among them
        kept = None
    return _json({**_fields(letter), "type": _type_name(letter.value), "kept": kept})


def _fields(letter: Envelope) -> dict[str, object]:
    return {name: getattr(letter, name) for name in letter.__dataclass_fields__}


def _json(line: dict[str, object]) -> bytes:
    try:
        return _text(line)
    except (ValueError, RecursionError):  # an item that holds itself, or that is nested beyond measure
        return _text({**line, "value": _unwritable(line["value"]), "key": _unwritable(line["key"])})


def _text(value: object) -> bytes:
    return to_json(value, inf_nan_mode="null", bytes_mode="base64", fallback=_unwritable)


def _unwritable(value: object) -> str:
    return f"<{type(value).__name__}>"  # its text may show what it hides


def _type_name(value: object) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def item_of(line: Mapping[str, object], upcasts: Sequence[Upcast]) -> tuple[Any, object]:  # Any: of any type
    """Value and key of a letter, as they came to the step.

    Args:
        line: the letter.
        upcasts: how to read values of types that have changed since.

    Raises:
        Unreadable: they cannot be had again.
    """
    kept, written = line.get("kept"), line.get("value")
    if not isinstance(kept, str):
        return _validated(written, str(line.get("type", "")), masked=True), line.get("key")
    try:
        value, key = Codec(upcasts).decode(base64.b64decode(kept, validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise Unreadable("what was kept of it is damaged") from error
    except CheckpointError as error:
        if not isinstance(line.get("type"), str):
            raise Unreadable(str(error)) from error
        try:  # the type has changed since, as it does when what was wrong is put right
            return _validated(written, str(line["type"])), line.get("key")
        except Unreadable as other:
            raise Unreadable(f"{error}; and the value as written does not fit: {other}") from error
    except RunError as error:
        raise Unreadable(str(error)) from error
    if _same(value, written):
        return value, key
    return _validated(written, _type_name(value)), key


def _same(value: object, written: object) -> bool:
    try:
        return bool(from_json(_text(value)) == written)
    except (ValueError, RecursionError):
        return True  # it could not be written, so nobody has edited it


def _validated(written: object, name: str, *, masked: bool = False) -> Any:
    kind = found_type(name)
    if kind is None:
        raise Unreadable(f"nothing was kept of it, and its type {name or '(unknown)'} is not there any more")
    if masked and kind not in _PLAIN and b"**********" in to_json(written):
        raise Unreadable("it held a secret, which is not written to dead letters; put it in, and edit `value`")
    if kind in _PLAIN and type(written) is kind:
        return written
    try:
        return TypeAdapter[Any](kind).validate_json(to_json(written))
    except ValidationError as error:
        raise Unreadable(bad_record("value", error).reason) from error
    except PydanticUserError as error:
        raise Unreadable(f"a {kind.__qualname__} cannot be made of JSON") from error


def renewed(line: Mapping[str, object], again: Envelope) -> bytes:
    """The line of a letter that was tried again and failed again, at the same step or behind it."""
    attempts, first = line.get("attempts"), line.get("first")
    position = line.get("position")
    made = replace(
        again,
        attempts=again.attempts + (attempts if isinstance(attempts, int) else 1),
        source=str(line.get("source", "")),
        partition=str(line.get("partition", "")),
        position=position if isinstance(position, int) else None,
    )
    found = cast("dict[str, object]", from_json(encode_letter(made)))
    return to_json({**found, "first": first if isinstance(first, str) else to_jsonable_python(made.at)})
