"""Every error of Rivusio; the class of an error says how it is treated.

```
RivusioError
├─ DefinitionError            before anything runs
│  ├─ CompositionError        two pipes do not fit: also a TypeError
│  ├─ CardinalityError        `run` on a pipeline that is not one-to-one
│  ├─ ConfigError             a setting is wrong: also a ValueError
│  ├─ GuaranteeError          the asked delivery guarantee cannot be given
│  └─ PluginError             PluginLoadError, PluginConflictError, PluginVersionError, PluginTypeError,
│                             UnknownKindError
└─ RunError                   while running
   ├─ PipeError               a pipe failed on an item
   │  ├─ Transient            raised by user code: retried
   │  ├─ BadRecord            raised by user code: skipped or dead-lettered
   │  ├─ Fatal                raised by user code: ends the run
   │  ├─ BulkheadFull         retried, where the pipe retries
   │  └─ RetriesExhausted, PipeTimeout, PipeTypeError, CircuitOpen, LimitExceeded, PipeCrashed
   ├─ SourceError, DeadLetterError, MemoryLimitExceeded, ErrorBudgetExceeded
   ├─ SinkError               ItemRefused
   ├─ StateError              StateLimitExceeded
   ├─ CheckpointError         CheckpointWriteError, CheckpointCorrupt, CheckpointMismatch
   └─ DrainTimeout
```

No message contains an item: the text of a foreign exception may quote one, so a message gives its type and place
only, and the exception itself is the `__cause__`.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rivusio_core.frames import users_frame

__all__ = [
    "BadRecord",
    "BulkheadFull",
    "CardinalityError",
    "CheckpointCorrupt",
    "CheckpointError",
    "CheckpointMismatch",
    "CheckpointWriteError",
    "CircuitOpen",
    "CompositionError",
    "ConfigError",
    "DeadLetterError",
    "DefinitionError",
    "DrainTimeout",
    "ErrorBudgetExceeded",
    "Fatal",
    "Fault",
    "GuaranteeError",
    "ItemRefused",
    "LimitExceeded",
    "MemoryLimitExceeded",
    "PipeCrashed",
    "PipeError",
    "PipeTimeout",
    "PipeTypeError",
    "PluginConflictError",
    "PluginError",
    "PluginLoadError",
    "PluginTypeError",
    "PluginVersionError",
    "RetriesExhausted",
    "RivusioError",
    "RunError",
    "SinkError",
    "SourceError",
    "StateError",
    "StateLimitExceeded",
    "Transient",
    "UnknownKindError",
]


class RivusioError(Exception):
    """Base of every error that Rivusio raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        # Subclasses take keyword-only arguments; rebuilding from `args` alone would call them wrongly.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(kind: type[RivusioError], args: tuple[object, ...], attributes: dict[str, object]) -> RivusioError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    cause = attributes.get("cause")
    if isinstance(cause, BaseException):
        error.__cause__ = cause  # pickle leaves it behind
    return error


# ---------------------------------------------------------------------------------------------- before running


class DefinitionError(RivusioError):
    """Something is wrong with what was written; found before anything runs."""


class CompositionError(DefinitionError, TypeError):
    """The right pipe does not take what the left one gives.

    Attributes:
        left, right: names of the two pipes.
        gives, takes: the two types, as text.
    """

    def __init__(self, message: str, *, left: str = "", right: str = "", gives: str = "", takes: str = "") -> None:
        super().__init__(message)
        self.left, self.right, self.gives, self.takes = left, right, gives, takes


class CardinalityError(DefinitionError, TypeError):
    """`run` and `arun` give exactly one result; this pipeline may give none or several. Use `map` or `amap`."""


@dataclass(frozen=True)
class Fault:
    """One fault in a configuration: what is wrong, and where (file:line or `--set`, then the path of the setting)."""

    message: str
    path: str = ""
    where: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.path, self.message) if part)


class ConfigError(DefinitionError, ValueError):
    """One or more settings are wrong; `faults` lists them all."""

    def __init__(self, message: str = "", *, faults: Sequence[Fault] = ()) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults) or (Fault(message),)
        lines = [message] if message else []
        if faults:
            lines += [f"  {fault}" for fault in self.faults] if message or len(faults) > 1 else [str(faults[0])]
        super().__init__("\n".join(lines))


class GuaranteeError(DefinitionError):
    """The asked delivery guarantee cannot be given; `part` names what prevents it."""

    def __init__(self, message: str, *, part: str = "") -> None:
        super().__init__(message)
        self.part = part


class PluginError(DefinitionError):
    """A plugin is out of order; it alone is left out.

    Attributes:
        plugin: its name, that of its entry point.
        distribution: the installed distribution (with version) that brings it.
    """

    def __init__(self, message: str, *, plugin: str = "", distribution: str = "") -> None:
        super().__init__(message)
        self.plugin, self.distribution = plugin, distribution


class PluginLoadError(PluginError):
    """A plugin's module cannot be imported, or its registration raised."""


class PluginConflictError(PluginError):
    """Two plugins register the same name; both distributions are named."""


class PluginVersionError(PluginError):
    """A plugin was written for another version of the plugin interface."""


class PluginTypeError(PluginError):
    """A plugin registers something that is not of the kind it says."""


class UnknownKindError(PluginError):
    """No installed plugin knows this name; `did_you_mean` lists near ones."""

    def __init__(self, message: str, *, did_you_mean: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.did_you_mean: tuple[str, ...] = tuple(did_you_mean)


# ------------------------------------------------------------------------------------------------ while running


class RunError(RivusioError):
    """Something failed while a pipeline or flow was running."""


class PipeError(RunError):
    """A pipe failed on one item.

    Attributes:
        pipe: name of the pipe.
        position: index of the item in the input, counted from 0; None where there was only one item.
        attempts: how often the item was tried.
        cause: the exception raised by the pipe (also the `__cause__`), or None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        pipe: str = "",
        position: int | None = None,
        attempts: int = 1,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(message)
        self.pipe, self.position, self.attempts = pipe, position, attempts
        self.cause = cause
        if cause is not None:
            self.__cause__ = cause

    @property
    def reason(self) -> str:
        """The message alone, without pipe and position."""
        message = str(self.args[0]) if self.args else ""
        if message:
            return message
        if isinstance(self.cause, PipeError):
            return self.cause.reason  # its raiser wrote it for others to read
        return describe(self.cause) if self.cause is not None else type(self).__name__

    def __str__(self) -> str:
        message = self.reason
        if not self.pipe:
            return message
        item = "" if self.position is None else f" on item {self.position}"
        tries = "" if self.attempts == 1 else f" after {self.attempts} attempts"
        return f"pipe {self.pipe!r} failed{item}{tries}: {message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # Sent from a worker process, the cause loses its traceback, and so the message its place; and one cause that
        # cannot be sent, or not be read again, must not take the results beside it along.
        args, attributes = self.args, self.__dict__.copy()
        if self.cause is not None:
            args = (args[0] if args and args[0] else describe(self.cause),)
            if not _can_be_sent(self.cause):
                attributes["cause"] = None
        return (_rebuild, (type(self), args, attributes))


class Transient(PipeError):
    """Raise it for a failure that may pass: the item is tried again, by the pipe's `retry` or the default one.

    Args:
        retry_after: seconds to wait at least before the next attempt.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadRecord(PipeError):
    """Raise it for an item that can never succeed: dead-lettered where the run has dead letters, else skipped."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class Fatal(PipeError):
    """Raise it when no further item can succeed: the run ends, whatever `on_error` says."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class RetriesExhausted(PipeError):
    """The last attempt failed too; the cause is the error of the last attempt."""


class PipeTimeout(PipeError):
    """A pipe took longer than its `timeout`."""


class PipeTypeError(PipeError):
    """An item is of a type that will not do: not the declared one (`validate=True`), or one that cannot be copied."""


class CircuitOpen(PipeError):
    """The pipe failed too often lately; it is not called until its circuit closes again.

    Attributes:
        retry_after: seconds until it may be called again; None while a trial call is under way.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BulkheadFull(PipeError):
    """The pipe's bulkhead had no place for the call in time; tried again like any other error, if the pipe is."""


class LimitExceeded(PipeError):
    """A pipe used more than its `limits` allow; it is not tried again.

    Attributes:
        limit: which: `"memory"`, `"cpu"` or `"time"`.
    """

    def __init__(self, message: str = "", *, limit: str = "") -> None:
        super().__init__(message)
        self.limit = limit


class PipeCrashed(PipeError):
    """The process that a pipe runs in (`process`, `isolate`) ended in the midst of a call.

    Attributes:
        code: its exit code, as `subprocess` gives it; None where it is not known.
        signal: name of the signal that ended it, such as `"SIGSEGV"`; empty where it was none.
    """

    def __init__(self, message: str = "", *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.signal = ""
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):  # the system knows more signals than Python does
                self.signal = signal.Signals(-code).name


class SourceError(RunError):
    """A source failed to open, read or acknowledge."""


class SinkError(RunError):
    """A sink failed to open, write or commit."""


class ItemRefused(SinkError):
    """A sink cannot take an item of the batch, now or ever: for what it is, not for how the target is doing."""


class StateError(RunError):
    """Keyed state could not be read, written or encoded, or grew past its limit."""


class StateLimitExceeded(StateError):
    """A step keeps more keys or bytes than its `limit` allows."""


class MemoryLimitExceeded(RunError):
    """The steps of a run keep more than its `memory` allows."""


class DeadLetterError(RunError):
    """The dead-letter sink failed; the run stops and the item is not acknowledged."""


class ErrorBudgetExceeded(RunError):
    """Too many items failed lately: something is wrong with all of them, and skipping them one by one hides it.

    Attributes:
        share: of the items that failed, 0 to 1.
        failed: how many failed.
        taken: how many were read in the same time.
        most: the most frequent failures, with their counts.
    """

    def __init__(
        self,
        message: str,
        *,
        share: float = 0.0,
        failed: int = 0,
        taken: int = 0,
        most: Sequence[tuple[str, int]] = (),
    ) -> None:
        super().__init__(message)
        self.share, self.failed, self.taken, self.most = share, failed, taken, tuple(most)


class CheckpointError(RunError):
    """Base of the errors of checkpoints."""


class CheckpointWriteError(CheckpointError):
    """A checkpoint could not be written; the one before it stays."""


class CheckpointCorrupt(CheckpointError):
    """A checkpoint is damaged."""


class CheckpointMismatch(CheckpointError):
    """A checkpoint belongs to another topology or state schema."""


class DrainTimeout(RunError):
    """Draining took longer than `drain_timeout`; the message counts what was left."""


def _can_be_sent(error: BaseException) -> bool:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # whatever its class does when it is pickled or rebuilt
        return False
    return True


def describe(error: BaseException) -> str:
    """Type and place of an exception without its text, which may quote items: `ValueError at jobs.py:12 in parse`."""
    frame, name = users_frame(error), type(error).__name__
    return name if frame is None else f"{name} at {Path(frame.filename).name}:{frame.lineno} in {frame.name}"
