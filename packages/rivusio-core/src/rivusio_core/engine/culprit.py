"""What a thread is at: which step, which line of the user's, and the stack."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self, cast

from rivusio_core.engine.chain import Chain
from rivusio_core.engine.item_stage import ItemStage
from rivusio_core.engine.kernel import Kernel
from rivusio_core.engine.noticing import noticing
from rivusio_core.engine.stage import Stage
from rivusio_core.engine.step import How, Step
from rivusio_core.frames import is_rivusios, is_users, users_of

__all__ = ["Culprit"]

_NOWHERE = traceback.FrameSummary("", 0, "")
_TURNS = {"_run", "_run_once", "run", "run_forever", "run_until_complete", "unrolled_run"}
"""Functions of asyncio and trio that call everything that runs in a loop; uvloop has none of the first two."""


@dataclass(frozen=True)
class Culprit:
    """What an event loop's thread is at.

    Attributes:
        step: name of the step of the run; None: it is at nothing of the run.
        how: the step's call is plain, awaited or iterated; None where that is not known.
        frames: from the loop to the innermost call.
        frame: the user's innermost one; without a file name where there is none.
    """

    step: str | None
    how: How | None
    frames: tuple[traceback.FrameSummary, ...]
    frame: traceback.FrameSummary

    @classmethod
    def of(cls, innermost: FrameType | None, steps: Sequence[str]) -> Self:
        """Look at a thread's stack.

        Args:
            innermost: its current frame; None: the thread is gone.
            steps: of the run; a step of another run is none of its business.
        """
        own = list[FrameType]()
        while innermost is not None and not _is_loop(innermost):  # what called the loop is not at fault
            if innermost.f_code is not noticing.__code__:
                own.append(innermost)
            innermost = innermost.f_back
        name, how, outermost = None, None, None
        for index, frame in enumerate(own):
            found, found_how = _step_at(frame, own[index - 1] if index else None)
            if found is not None:
                if name is None:
                    name, how = found, found_how
                outermost = found
        if steps and outermost not in steps:
            name, how = None, None
        frames = tuple(traceback.StackSummary.extract((each, each.f_lineno) for each in reversed(own)))
        return cls(name, how, frames, users_of(frames) or _NOWHERE)

    def stack(self) -> tuple[str, ...]:
        """The calls, innermost first, those of the user's code before all others."""
        calls = [(is_users(each), _line(each)) for each in reversed(self.frames)]
        return (*(line for users, line in calls if users), *(line for users, line in calls if not users))

    def advice(self) -> str:
        """What to do about it."""
        if self.step is None:
            return "call what blocks in a thread: await anyio.to_thread.run_sync(...)"
        if self.how in ("await", "iterate"):
            return (
                "an async pipe has to await what takes long; make it a plain function with thread=True "
                "(process=True if it computes), or call what blocks with anyio.to_thread.run_sync"
            )
        return "give the pipe thread=True (process=True if it computes)"


def _is_loop(frame: FrameType) -> bool:
    if frame.f_code.co_name not in _TURNS:
        return False
    libraries = (sys.modules[name] for name in ("asyncio", "trio") if name in sys.modules)
    return any(Path(frame.f_code.co_filename).is_relative_to(Path(each.__file__ or "").parent) for each in libraries)


def _step_at(frame: FrameType, called: FrameType | None) -> tuple[str | None, How | None]:
    """The step that a frame of the engine works for; `called` is the frame that it called."""
    if not is_rivusios(frame.f_code.co_filename):
        return None, None
    if frame.f_code is _LOOPING and called is not None:
        known: dict[str, Any] = frame.f_locals
        kernel: Kernel | None = known.get("compiled")
        place = kernel.places.get(called.f_lineno) if kernel is not None and called.f_code is kernel.code else None
        if place is not None:
            steps = cast("tuple[Step, ...]", known["self"].steps)
            start: int = known["start"]
            return steps[start + place.step].name, steps[start + place.step].how
    if frame.f_code is ItemStage.work.__code__ and "step" in frame.f_locals:
        own: Step = frame.f_locals["step"]
        return own.name, own.how
    owner: Any = frame.f_locals.get("self") if frame.f_code.co_argcount else None  # whatever a method belongs to
    if isinstance(owner, Step):
        return owner.name, owner.how
    if isinstance(owner, Stage) and isinstance(name := getattr(owner, "name", None), str):
        return name, None
    return None, None


_LOOPING = Chain._run.__code__  # pyright: ignore[reportPrivateUsage]  # same package


def _line(frame: traceback.FrameSummary) -> str:
    source = f": {frame.line}" if frame.line else ""
    return f"{frame.filename}:{frame.lineno} in {frame.name}{source}"
