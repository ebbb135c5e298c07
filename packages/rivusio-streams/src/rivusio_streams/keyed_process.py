"""What is done with the items of a key, one by one: what a `ProcessNode` says."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from typing_extensions import TypeIs

from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, DefinitionError, Fault
from rivusio_streams.apply import name_of
from rivusio_streams.initial import copies
from rivusio_streams.process import Context, Processor, TimeKind

__all__ = [
    "Distinct",
    "Expiring",
    "FunctionProcessor",
    "KeyedProcess",
    "Late",
    "Running",
    "UserProcess",
    "expiring",
    "user_process",
]

Late: TypeAlias = Literal["process", "refuse"]
"""What becomes of late items: they are processed like all others, or refused."""

_Processor: TypeAlias = Processor[Any, Any, Any, Any]  # Any: the overloads of `process` check the types
_Function: TypeAlias = Callable[[Any, Context[Any, Any]], Iterable[Any] | None]


@dataclass(frozen=True)
class Expiring:
    """How long something is remembered.

    Attributes:
        after: microseconds; None: for ever.
        by: what time is counted by.
    """

    after: int | None
    by: TimeKind

    @property
    def timed(self) -> bool:
        """It needs event times."""
        return self.after is not None and self.by == "event_time"

    @property
    def clocked(self) -> bool:
        """It needs the clock."""
        return self.after is not None and self.by == "clock"

    def __str__(self) -> str:
        return "" if self.after is None else f"{duration_text(self.after)} by {self.by.replace('_', ' ')}"


def expiring(step: str, after: Duration | None, by: TimeKind, names: tuple[str, str]) -> Expiring:
    """The settings of a step.

    Args:
        step: what errors call it.
        after: as given.
        by: as given.
        names: of the two arguments.

    Raises:
        ConfigError: naming the argument that is wrong.
    """
    faults = list[Fault]()
    length: int | None = None
    try:
        length = None if after is None else microseconds(after, names[0])
    except ConfigError as error:
        faults += error.faults
    if length is not None and length <= 0:
        faults.append(Fault("must be longer than 0", names[0]))
    if by not in ("event_time", "clock"):
        faults.append(Fault(f"is 'event_time' or 'clock', not {by!r}", names[1]))
    if faults:
        raise ConfigError(step, faults=faults)
    return Expiring(length, by)


class KeyedProcess(ABC):  # noqa: B024  # what its kinds have in common is that they keep something of each key
    """Base of the kinds of processes; values."""

    @property
    def timed(self) -> bool:
        """It needs event times."""
        return False


@dataclass(frozen=True)
class UserProcess(KeyedProcess):
    """A `Processor` at work.

    Attributes:
        processor: user code.
        expiring: how long the state of a key is kept that nobody looks at.
        refuse: late items are refused.
    """

    processor: Processor[Any, Any, Any, Any]
    expiring: Expiring
    refuse: bool

    def __post_init__(self) -> None:
        for name in ("create", "on_item", "on_timer"):
            refuse_async("process", getattr(self.processor, name))

    @property
    def timed(self) -> bool:
        return self.refuse or self.expiring.timed

    def __repr__(self) -> str:
        kept = f", ttl {self.expiring}" if self.expiring.after is not None else ""
        made = self.processor
        name = name_of(made.function, "function") if isinstance(made, FunctionProcessor) else type(made).__name__
        return f"{name}{kept}"


@dataclass(frozen=True)
class Running(KeyedProcess):
    """A value for each key that every item changes, and that is given after each.

    Attributes:
        add: makes the next value.
        initial: the value before the first item; of no meaning without `begins`.
        begins: there is an initial value; else the first item itself is the first value.
        expiring: how long the value of a key is kept that gets no items.
    """

    add: Callable[[Any, Any], Any]
    initial: Any
    begins: bool
    expiring: Expiring

    def __post_init__(self) -> None:
        refuse_async("scan" if self.begins else "reduce", self.add)
        if self.begins:
            copies(self.initial, "scan")

    @property
    def timed(self) -> bool:
        return self.expiring.timed

    def __repr__(self) -> str:
        kept = f", ttl {self.expiring}" if self.expiring.after is not None else ""
        return f"{'scan' if self.begins else 'reduce'} {name_of(self.add, 'lambda')}{kept}"


@dataclass(frozen=True)
class Distinct(KeyedProcess):
    """The first of equal items.

    Attributes:
        of: what makes items the same, where there are no keys; None: the item itself.
        expiring: how long an item is remembered after it passed.
    """

    of: Callable[[Any], Any] | None
    expiring: Expiring

    @property
    def timed(self) -> bool:
        return self.expiring.timed

    def __repr__(self) -> str:
        within = f" within {self.expiring}" if self.expiring.after is not None else ""
        return f"distinct{within}"


@dataclass(frozen=True)
class FunctionProcessor(Processor[Any, Any, Any, Any]):
    """A processor without timers, of a plain function.

    Attributes:
        function: of an item and the context.
        state: makes the state of a key.
    """

    function: _Function
    state: Callable[[], Any]

    def __post_init__(self) -> None:
        for each in (self.function, self.state):
            refuse_async("process", each)

    def create(self) -> Any:
        return self.state()

    def on_item(self, item: Any, context: Context[Any, Any]) -> Iterable[Any] | None:
        return self.function(item, context)


def refuse_async(step: str, function: object) -> None:
    """Raise if a function that is called from the event loop would have to be awaited.

    Raises:
        DefinitionError: it would.
    """
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        name = name_of(function, "function")
        raise DefinitionError(f"{step}: {name!r} is async; await what you need in a step before, with map")


def user_process(
    processor: _Processor | _Function,
    state: Callable[[], Any] | None,
    kept: Expiring,
    late: Late,
    late_to: object,
) -> UserProcess:
    """What `KeyedStream.process` says; its overloads check the types.

    Raises:
        ConfigError: the arguments do not go together.
        DefinitionError: it is no processor; or one of its methods is async.
    """
    faults = list[Fault]()
    if late not in ("process", "refuse"):
        faults.append(Fault(f"is 'process' or 'refuse', not {late!r}", "late"))
    elif late_to is not None and late == "process":
        faults.append(Fault("late items are processed; to have them go elsewhere say late='refuse'", "late_to"))
    made: _Processor
    if _is_processor(processor):
        made = processor
        if state is not None:
            faults.append(Fault("goes with a function; a Processor says it with create()", "state"))
    elif not _is_function(processor):
        raise DefinitionError(f"process: takes a Processor (a value, no class), or a function, not {processor!r}")
    else:
        made = FunctionProcessor(processor, state or _no_state)
        if state is None:
            faults.append(Fault("a function needs it: what makes the state of a key, such as int", "state"))
    if faults:
        raise ConfigError("process", faults=faults)
    return UserProcess(made, kept, late == "refuse")


def _is_processor(value: object) -> TypeIs[_Processor]:
    return isinstance(value, Processor)


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type)


def _no_state() -> None:
    return None
