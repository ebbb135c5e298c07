"""Which frame of a traceback is the user's own: not Rivusio's, not a library's, not the import machinery's."""

from __future__ import annotations

import importlib
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

__all__ = ["is_rivusios", "is_users", "last_actor", "users_frame", "users_of"]

_MACHINERY = ("<frozen ", "<rivusio")
_FAMILY = ("rivusio_core", "rivusio_streams", "rivusio_monitoring", "rivusio_plugins_contrib")
_LIBRARIES = tuple(
    str(Path(path))
    for name, path in sysconfig.get_paths().items()
    if name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def users_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost frame of the user's code; where there is none, of a library's (a plugin is one).

    Example:
        >>> import json
        >>> try:
        ...     json.loads("[")
        ... except ValueError as error:
        ...     frame = users_frame(error)
        >>> frame is not None and frame.name
        '<module>'
    """
    return users_of(traceback.extract_tb(error.__traceback__))


def users_of(frames: Iterable[traceback.FrameSummary]) -> traceback.FrameSummary | None:
    """Likewise, of frames with the innermost last."""
    foreign = [each for each in frames if not _is_ours(each.filename)]
    users = [each for each in foreign if not each.filename.startswith(_LIBRARIES)]
    plugins = [each for each in foreign if "site-packages" in Path(each.filename).parts]
    found = users or plugins or foreign
    return found[-1] if found else None


def is_users(frame: traceback.FrameSummary) -> bool:
    """Whether a frame is neither Rivusio's nor a library's."""
    return not (is_rivusios(frame.filename) or frame.filename.startswith((*_LIBRARIES, *_MACHINERY)))


def last_actor(error: BaseException) -> tuple[traceback.FrameSummary | None, bool]:
    """The innermost frame that is no library's, and whether it is Rivusio's own (also if there is no frame at all)."""
    frames = traceback.extract_tb(error.__traceback__)
    acting = [each for each in frames if is_rivusios(each.filename) or not each.filename.startswith(_LIBRARIES)]
    acting = [each for each in acting if not each.filename.startswith("<frozen ")]
    if not acting:
        return None, True
    return acting[-1], is_rivusios(acting[-1].filename)


def is_rivusios(filename: str) -> bool:
    """Whether a file is Rivusio's, or a loop that it made."""
    return filename.startswith("<rivusio") or any(part in _FAMILY for part in Path(filename).parts[:-1])


def _is_ours(filename: str) -> bool:
    return (
        filename.startswith(_MACHINERY)
        or filename == importlib.__file__
        or Path(filename).parent.is_relative_to(Path(__file__).parent)
    )
