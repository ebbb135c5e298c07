"""A single pipe or pipeline as something that the command can run: lines in, lines out.

What a line means is said by the types of the pipeline:

| type | as input | as output |
|---|---|---|
| `str` (and unknown types) | the line, decoded as UTF-8 | the text and a line end |
| `bytes` | the line as it is | the bytes and a line end |
| anything else | a JSON text, validated as that type | a JSON text |
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import to_json

from rivusio_core.cardinality import cardinality
from rivusio_core.dead_letter import DeadLetter
from rivusio_core.engine.listing import ChainCode, code_of
from rivusio_core.engine.nature import check_options, parts_of
from rivusio_core.engine.profiler import Profiler
from rivusio_core.errors import ConfigError, DefinitionError, Fault, SinkError, SourceError
from rivusio_core.graph import GraphFormat
from rivusio_core.hints.text import type_text
from rivusio_core.listener import Listener, RunInfo, Tally
from rivusio_core.pipe import BasePipe
from rivusio_core.pipe_graph import pipe_graph
from rivusio_core.pipeline import Pipeline, steps_of
from rivusio_core.ports import ports_of, unknown_ports
from rivusio_core.profile import Profile
from rivusio_core.runnable import CheckReport, Launch, RunReport
from rivusio_core.stdio import Output, lines

__all__ = ["PipeCheck", "PipeReport", "PipeRunnable", "PipeSettings"]


_TEXT: tuple[object, ...] = (str, Any, object)
"""Types of items for which a line is taken as text."""


class PipeSettings(BaseModel):
    """The top-level settings of a pipeline that the command runs."""

    dead_letters: Path | None = None
    """A file to which items that failed for good are appended, as JSON lines; made readable for its owner alone."""
    profile: bool = False
    """Measure where the time goes, step by step."""


@dataclass
class PipeReport:
    """What became of a run: the counts of each step, and where the time went if that was asked for."""

    name: str
    steps: dict[str, Tally] = field(default_factory=dict[str, Tally])
    profile: Profile | None = None

    def to_json(self) -> Mapping[str, object]:
        """Name, and the counts by step."""
        return {
            "name": self.name,
            "steps": {step: asdict(tally) for step, tally in self.steps.items()},
            "unaccounted": sum(abs(tally.unaccounted) for tally in self.steps.values()),
            **({} if self.profile is None else {"profile": self.profile.to_json()}),
        }

    def summary(self) -> str:
        """A line for each step."""
        counts = [f"  {step}: {_counted(tally)}" for step, tally in self.steps.items()]
        return "\n".join([self.name, *counts, *(() if self.profile is None else self.profile.lines())])


def _counted(tally: Tally) -> str:
    others = {"filtered": tally.filtered, "skipped": tally.skipped, "dead-lettered": tally.dead, "failed": tally.failed}
    return ", ".join([f"{tally.taken} in", f"{tally.given} out", *(f"{n} {name}" for name, n in others.items() if n)])


@dataclass(frozen=True)
class PipeCheck:
    """What was found without running.

    Attributes:
        name, takes, gives: of the pipeline.
        cardinality: how many results an item may have.
        steps: their names.
        faults: what would prevent a run.
        notes: where types are unknown, so that nothing was checked.
    """

    name: str
    takes: str
    gives: str
    cardinality: str
    steps: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """There is no fault."""
        return not self.faults

    def to_json(self) -> Mapping[str, object]:
        """Everything, as values that JSON can hold."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {'ok' if self.ok else 'wrong'}",
            f"  takes {self.takes}, gives {self.gives} ({self.cardinality} per item)",
            *(f"  fault: {fault}" for fault in self.faults),
            *(f"  note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)


class PipeRunnable:
    """A pipe as a `Runnable`.

    Args:
        pipe: the pipe or pipeline.
        json: give every result as JSON, text included.
        name: what to call it where it has no name of its own.

    Raises:
        ConfigError: a function's setting without default was not bound.
    """

    def __init__(self, pipe: BasePipe[Any, Any], *, json: bool = False, name: str = "") -> None:  # Any: of all types
        steps_of(pipe)
        self.pipe = pipe
        self._json = json
        self._name = name

    @property
    def name(self) -> str:
        """The name given to the pipe, else the one it was found by, else its steps."""
        return self.pipe.options.name or self._name or self.pipe.step_name

    def run_settings(self) -> type[BaseModel]:
        """`PipeSettings`."""
        return PipeSettings

    def graph(self, format: GraphFormat = "text") -> str:  # noqa: A002  # the name is part of the public API
        """The drawing."""
        return pipe_graph(self.pipe, self.name).render(format)

    def code(self) -> list[ChainCode]:
        """The generated loops."""
        return code_of(self.pipe)

    def check(self, settings: Mapping[str, object] | None = None, /) -> CheckReport:
        """Types and options; opens nothing."""
        faults = list[Fault]()
        for step in _all(self.pipe):
            try:
                check_options(step, step.step_name)
            except ConfigError as error:
                faults += [Fault(fault.message, fault.path, step.step_name) for fault in error.faults]
            except DefinitionError as error:
                faults.append(Fault(str(error), where=step.step_name))
        ports = ports_of(self.pipe)
        try:
            _reader(ports.takes)
        except DefinitionError as error:
            faults.append(Fault(str(error)))
        per_item = {"one": "one", "filter": "one or none", "flat": "any number", "batch": "one for several"}
        return PipeCheck(
            name=self.name,
            takes=type_text(ports.takes),
            gives=type_text(ports.gives),
            cardinality=per_item[cardinality(self.pipe)],
            steps=tuple(step.step_name for step in steps_of(self.pipe)),
            faults=tuple(faults),
            notes=tuple(f"the type that {port} is not known: unchecked there" for port in unknown_ports(self.pipe)),
        )

    async def launch(self, launch: Launch, /) -> RunReport:
        """Put the lines of standard input through, and write the results to standard output.

        Raises:
            PipeError: an item failed for good.
            SourceError: standard input cannot be read, or a line is not what the pipeline takes.
            BrokenPipeError: nobody reads standard output any more.
        """
        settings = PipeSettings.model_validate(launch.settings)
        read, write, counts = _reader(ports_of(self.pipe).takes), _writer(self._json), _Counts(self.name)
        with ExitStack() as stack:
            letters = stack.enter_context(_DeadLetters(settings.dead_letters)).add if settings.dead_letters else None
            profiler = Profiler() if settings.profile else None
            listeners = (*launch.listeners, counts, *(() if profiler is None else (profiler,)))
            results = self.pipe.amap(_items(launch, read), listeners=listeners, dead_letters=letters)
            out = Output()
            async with aclosing(_closable(results)) as closing:
                async for result in closing:
                    out.write(write(result))
        counts.report.profile = None if profiler is None else profiler.profile()
        return counts.report


async def _items(launch: Launch, read: Callable[[bytes], Any]) -> AsyncGenerator[Any, None]:
    number = 0
    async with aclosing(lines(launch.stop)) as found:
        async for line in found:
            number += 1
            try:
                item = read(line)
            except (ValidationError, ValueError) as error:
                # Not chained: the text of the cause quotes the line.
                raise SourceError(f"line {number} of standard input {_why(error)}") from None
            yield item


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        told = error.errors(include_input=False, include_url=False, include_context=False)
        paths = [".".join(map(str, each["loc"])) for each in told if each["loc"]]
        return f"is not what the pipeline takes: {', '.join(paths)} wrong" if paths else "is no valid JSON of its type"
    return "is not UTF-8; let the pipeline take bytes instead"


async def _closable(results: Any) -> AsyncGenerator[Any, None]:  # Any: of whatever type the pipeline gives
    """`amap` promises an iterator only; closing it early must close the run."""
    try:
        async for result in results:
            yield result
    finally:
        await results.aclose()


def _reader(takes: object) -> Callable[[bytes], Any]:
    if any(takes is each for each in _TEXT):
        return bytes.decode
    if takes is bytes:
        return bytes
    try:
        make = cast("Callable[[object], TypeAdapter[Any]]", TypeAdapter)  # typed for forms that are known to checkers
        return make(takes).validate_json
    except (PydanticUserError, TypeError) as error:
        raise DefinitionError(
            f"lines of standard input cannot be made into {type_text(takes)}; let the pipeline begin with a pipe that "
            "takes str, bytes, or a type that pydantic can validate"
        ) from error


def _writer(json: bool) -> Callable[[Any], bytes]:
    def write(result: Any) -> bytes:
        if not json and isinstance(result, str):
            return result.encode() + b"\n"
        if not json and isinstance(result, bytes):
            return result + b"\n"
        return to_json(result, serialize_unknown=True) + b"\n"

    return write


def _all(pipe: BasePipe[Any, Any]) -> list[BasePipe[Any, Any]]:
    found = list[BasePipe[Any, Any]]()
    for step in steps_of(pipe):
        inner = [each for part in parts_of(step) for each in _all(part)]
        found += inner if isinstance(step, Pipeline) else [step, *inner]
    return found


class _Counts(Listener):
    def __init__(self, name: str) -> None:
        self.report = PipeReport(name)

    def run_started(self, run: RunInfo) -> None:
        self.report.steps.update({step: Tally() for step in run.steps})

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        self.report.steps.setdefault(step, Tally()).add(tally)


class _DeadLetters:
    """A file of JSON lines; each is on disk before the run goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> _DeadLetters:
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise SinkError(f"dead letters: {self._path} cannot be opened: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def add(self, letter: DeadLetter) -> None:
        line = {
            "step": letter.step,
            "position": letter.error.position,
            "attempts": letter.error.attempts,
            "cause": type(letter.error.cause or letter.error).__name__,
            "value": letter.value,
        }
        os.write(self._file, to_json(line, serialize_unknown=True) + b"\n")
        os.fsync(self._file)
