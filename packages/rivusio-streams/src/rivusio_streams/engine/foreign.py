"""Where a foreign exception came from: a connector's own code rather than the engine's frame that called it."""

from __future__ import annotations

import traceback
from pathlib import Path

import rivusio_core

__all__ = ["describe"]

_ENGINES = (str(Path(__file__).parent), str(Path(rivusio_core.__file__).parent), "<rivusio")


def describe(error: BaseException) -> str:
    """Type and place of an exception, without its text, which may quote an item or a secret."""
    name = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    foreign = [frame for frame in frames if not frame.filename.startswith(_ENGINES)]
    if not frames:
        return name
    place = (foreign or list(frames))[-1 if _is_ours(foreign) else 0]
    return f"{name} at {Path(place.filename).name}:{place.lineno} in {place.name}"


def _is_ours(frames: list[traceback.FrameSummary]) -> bool:
    """The call went through a connector of this package: the last frame says more than the first."""
    return bool(frames) and frames[0].filename.startswith(str(Path(__file__).parent.parent))
