"""Errors as people should read them: one block each, with step, item, type and place of the cause, and what to do.

No block quotes an item or a setting: texts of exceptions that Rivusio did not write are shown on request only.
"""

from __future__ import annotations

import importlib.metadata
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from rivusio_core.cli.console import Block
from rivusio_core.cli.target import TargetError
from rivusio_core.errors import (
    BadRecord,
    ConfigError,
    DefinitionError,
    DrainTimeout,
    Fatal,
    PipeError,
    RivusioError,
    RunError,
    Transient,
    UnknownKindError,
)
from rivusio_core.frames import last_actor, users_frame

__all__ = ["blocks", "flattened"]

_USERS_WORDS = (BadRecord, Fatal, Transient)
"""Raised by users' code, with users' words: they may quote an item."""


def flattened(error: BaseException) -> list[BaseException]:
    """The errors inside groups, each once."""
    found = list[BaseException]()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, BaseExceptionGroup):
            waiting[:0] = cast("BaseExceptionGroup[BaseException]", current).exceptions
        elif not any(current is other for other in found):
            found.append(current)
    return found


def blocks(errors: list[BaseException], *, show_values: bool, show_traceback: bool) -> Iterator[Block]:
    """A block for each error, without those that say the same."""
    seen = set[tuple[str, tuple[tuple[str, str], ...]]]()
    for error in errors:
        block = _block(error, show_values=show_values)
        if show_traceback:
            text = "".join(traceback.format_exception(error))
            block = Block(block.title, (*block.rows, ("traceback", text.rstrip())), block.advice)
        key = (block.title, tuple(block.rows))
        if key not in seen:
            seen.add(key)
            yield block


def _block(error: BaseException, *, show_values: bool) -> Block:
    match error:
        case TargetError():
            hint = ("--traceback shows where it came from",) if error.__cause__ is not None else ()
            rows = list(error.facts)
            if show_values and error.__cause__ is not None:
                rows.append(("text", str(error.__cause__)))
            return Block(str(error), rows, (*error.advice, *hint))
        case ConfigError() | UnknownKindError():
            return Block(str(error))
        case PipeError():
            return _of_pipe(error, show_values=show_values)
        case DefinitionError():
            return Block(str(error), _cause(error.__cause__, show_values=show_values))
        case RunError():
            advice = list[str]()
            if isinstance(error, DrainTimeout):
                advice.append("allow more with --set drain_timeout=2m, or look for a step that is stuck")
            rows = _cause(error.__cause__, show_values=show_values)
            return Block(f"{type(error).__name__}: {error}", rows, [*advice, *_more(error.__cause__, show_values)])
        case _:
            return _foreign(error, show_values=show_values)


def _of_pipe(error: PipeError, *, show_values: bool) -> Block:
    raised_by_user = isinstance(error, _USERS_WORDS)
    cause = error.cause if error.cause is not None else error.__cause__
    rows = [("step", error.pipe)] if error.pipe else []
    if error.position is not None:
        rows.append(("item", f"{error.position} (counted from 0)"))
    if error.attempts != 1:
        rows.append(("attempts", str(error.attempts)))
    if cause is not None:
        rows += _cause(cause, show_values=show_values)
    elif raised_by_user:
        rows += _cause(error, show_values=show_values)
    what = "a pipe failed" if type(error) is PipeError else type(error).__name__
    own = str(error.args[0]) if error.args and not raised_by_user else ""
    treat = "say on_error='skip' or 'dead_letter' at the step if such items may be left out"
    advice = [] if isinstance(error, Fatal) else [treat]
    return Block(f"{what}: {own}" if own else what, rows, [*advice, *_more(cause or error, show_values)])


def _cause(cause: BaseException | None, *, show_values: bool) -> list[tuple[str, str]]:
    if cause is None:
        return []
    rows = [("cause", f"{type(cause).__name__}{_place(cause)}")]
    if show_values or (isinstance(cause, RivusioError) and not isinstance(cause, PipeError)):
        text = str(cause.args[0]) if isinstance(cause, PipeError) and cause.args else str(cause)
        rows.append(("text", text))
    return rows


def _place(error: BaseException) -> str:
    frame = users_frame(error)
    return f" at {Path(frame.filename).name}:{frame.lineno} in {frame.name}" if frame is not None else ""


def _more(cause: BaseException | None, show_values: bool) -> list[str]:
    if cause is None or show_values:
        return []
    return ["--show-values shows the text of the cause (it may quote an item), --traceback everything"]


def _foreign(error: BaseException, *, show_values: bool) -> Block:
    """Neither a Rivusio error nor wrapped into one: a bug, ours if our code was the last to act."""
    frame, ours = last_actor(error)
    rows = [("error", type(error).__name__)]
    if frame is not None:
        rows.append(("at", f"{frame.filename}:{frame.lineno} in {frame.name}"))
    if show_values:
        rows.append(("text", str(error)))
    hint = _more(error, show_values)
    if not ours:
        return Block("code outside of a pipe raised", rows, hint)
    return Block(
        "this is a bug in Rivusio, not in your pipeline",
        rows,
        (f"please report it{_tracker()}, with the output of --traceback", *hint),
    )


def _tracker() -> str:
    try:
        urls = importlib.metadata.metadata("rivusio-core").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    found = [url.partition(", ")[2] for url in urls if url.lower().startswith(("issue", "bug", "tracker"))]
    return f" at {found[0]}" if found else ""
