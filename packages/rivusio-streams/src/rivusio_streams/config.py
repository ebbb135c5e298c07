"""How a flow is run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, Size, seconds, size
from rivusio_core.engine.watchdog import BLOCKED_AFTER
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.listener import Listener
from rivusio_core.nearest import did_you_mean
from rivusio_streams.checkpoint.store import CheckpointStore
from rivusio_streams.error_budget import ErrorBudget
from rivusio_streams.restart import Restart
from rivusio_streams.sink import BaseSink
from rivusio_streams.state.upcast import Upcast

__all__ = ["RunConfig", "RunSettings"]


def _letters(value: object) -> object:
    if isinstance(value, str) and value:
        return Path(value)
    if value is None or isinstance(value, BaseSink | list | Path):
        return cast("object", value)
    raise ValueError("must be a sink, a list, or the path of a JSON lines file")


def _store(value: object) -> object:
    if value is None or isinstance(value, str | Path | CheckpointStore):
        return value
    raise ValueError("must be a path, a URL or a checkpoint store")


def _restart(value: object) -> object:
    if value is None or isinstance(value, Restart):
        return value
    if not isinstance(value, int | float | str | timedelta) or isinstance(value, bool):
        raise ValueError("must be a Restart, or the waits between attempts such as '1s..1m'")
    try:
        return Restart(value)
    except ConfigError as error:
        raise ValueError(error.faults[0].message) from None


def _budget(value: object) -> object:
    if value is None or isinstance(value, ErrorBudget):
        return value
    if not isinstance(value, str):
        raise ValueError("must be an ErrorBudget, or text such as '1% in 5m'")
    try:
        return ErrorBudget.parse(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None


class RunSettings(BaseModel):
    """The settings of a run that are plain values: what files, the environment and the command line can give.

    A table `checkpoint` in a file, or `RIVUSIO__CHECKPOINT__EVERY=10s`, says the settings of checkpoints: its `place`
    is `checkpoint`, its `every` is `every`.

    Some are known and cannot be asked for yet: an `engine` other than `"local"`, a `chunk_wait`. Asking for them is an
    error, not ignored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    name: str = Field(default="", description="Name of the run in messages and metrics; the flow's own by default.")
    every: Duration = Field(
        default="1s", description="How often a checkpoint is made, and sources are told what is safe."
    )
    drain_timeout: Duration = Field(default="30s", description="How long a stop may take until it is an error.")
    chunk: int = Field(default=8192, ge=1, le=65_536, description="Items that travel together at most.")
    progress: bool | None = Field(
        default=None, description="Show progress on standard error; by default where that is a terminal."
    )
    profile: bool = Field(default=False, description="Measure where the time goes, step by step, for the report.")
    record: Path | None = Field(
        default=None, description="Where the run keeps a record of itself, a JSON file for `rivusio explain`."
    )
    checkpoint: str | None = Field(
        default=None,
        description="Where checkpoints are kept: the path of a SQLite file, of a folder (with / at the end), or a URL.",
    )
    dead_letters: Path | None = Field(
        default=None,
        description="The path of a JSON lines file for items that failed for good; only its owner may read it.",
    )
    error_budget: str | None = Field(
        default=None,
        description="How many items may be skipped or become dead letters before the run ends, such as '1% in 5m'.",
    )
    savepoint: str = Field(default="", description="The savepoint to begin from where there is no checkpoint yet.")
    delivery: Literal["at_least_once", "exactly_once", "at_most_once"] = Field(
        default="at_least_once",
        description="What is to be promised after a crash; if it is given and cannot be promised, nothing runs.",
    )
    restart: str | None = Field(
        default=None,
        description="Begin again from the last checkpoint when a source, a sink or the store fails, after waits such "
        "as '1s..1m'; by default the failure ends the run.",
    )
    blocked_after: Duration | None = Field(
        default=BLOCKED_AFTER,
        description="Name the step that keeps the event loop from running for so long, with its stack; null: do not.",
    )
    chunk_wait: Duration | None = Field(default=None, description="Not there yet: a lone item goes at once.")
    memory: Size | None = Field(
        default=None,
        description="What the run may hold, by estimate, such as '512MiB': items on their way wait for room, and state "
        "beyond it ends the run.",
    )
    parallelism: int = Field(
        default=1,
        ge=1,
        description="Over how many worker processes the keys of a windowed or stateful step are spread.",
    )
    engine: str = Field(default="local", description="Only 'local' is there yet.")

    @field_validator("every", "drain_timeout", "blocked_after")
    @classmethod
    def _longer_than_nothing(cls, value: Duration | None, field: ValidationInfo) -> Duration | None:
        if value is not None and seconds(value, field.field_name or "") <= 0:
            raise ValueError("must be longer than 0")
        return value

    @model_validator(mode="before")
    @classmethod
    def _table_of_checkpoints(cls, given: object) -> object:
        """Settings in a table `checkpoint` are as good as those beside it."""
        if not isinstance(given, dict):
            return given
        settings = {**cast("dict[str, object]", given)}
        table = settings.get("checkpoint")
        if isinstance(table, dict):
            del settings["checkpoint"]
            for name, value in cast("dict[str, object]", table).items():
                settings["checkpoint" if name == "place" else name] = value
        return settings

    @field_validator("memory")
    @classmethod
    def _some_memory(cls, value: Size | None) -> Size | None:
        if value is not None and size(value, "memory") <= 0:
            raise ValueError("must be more than 0")
        return value

    @field_validator("chunk_wait")
    @classmethod
    def _nothing_yet(cls, value: object) -> object:
        if value is not None:
            raise ValueError("is not there yet; leave it out")
        return value

    @field_validator("engine")
    @classmethod
    def _local_only(cls, value: str) -> str:
        if value != "local":
            raise ValueError(f"there is no engine {value!r} yet; there is 'local'")
        return value


class RunConfig(RunSettings):
    """All settings of a run; an immutable value.

    Raises:
        ConfigError: listing every setting that is unknown, wrong or not there yet.

    Example:
        >>> RunConfig(name="orders", drain_timeout="5s").drain_timeout
        '5s'
    """

    checkpoint: Annotated[str | Path | CheckpointStore | None, PlainValidator(_store)] = Field(  # type: ignore[assignment]  # wider
        default=None,
        description="Where checkpoints are kept: the path of a SQLite file, of a folder (with / at the end), a URL, or "
        "a store.",
    )
    restart: Annotated[Restart | None, PlainValidator(_restart)] = Field(  # type: ignore[assignment]  # a text becomes one
        default=None,
        description="Begin again from the last checkpoint when a source, a sink or the store fails, after waits such "
        "as '1s..1m'; by default the failure ends the run.",
    )
    dead_letters: Annotated[BaseSink[Any] | list[Any] | Path | None, PlainValidator(_letters)] = Field(  # type: ignore[assignment]  # wider
        default=None,
        description="Where items that failed for good go, as `Envelope`s: a sink, a list, or the path of a JSON lines "
        "file that only its owner may read.",
    )
    error_budget: Annotated[ErrorBudget | None, PlainValidator(_budget)] = Field(  # type: ignore[assignment]  # a text becomes one
        default=None,
        description="How many items may be skipped or become dead letters before the run ends: an ErrorBudget, or text "
        "such as '1% in 5m'.",
    )
    upcasts: Sequence[Upcast] = Field(
        default=(), description="How to read kept values whose types have changed; those of a type in order."
    )
    listeners: Sequence[Listener] = Field(default=(), description="What hears of counts and failures.")
    clock: SkipValidation[Clock | None] = Field(default=None, description="The time; tests bring their own.")

    def __init__(self, **settings: Any) -> None:  # Any: pydantic's own signature, which checkers take from the fields
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise ConfigError("RunConfig", faults=_faults(error)) from None


def _faults(error: ValidationError) -> list[Fault]:
    faults = list[Fault]()
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        path, message = ".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, ")
        message = message.removeprefix(f"{path}: ")
        if each["type"] == "extra_forbidden":
            message = f"no such setting{did_you_mean(path, RunConfig.model_fields)}"
        faults.append(Fault(message, path))
    return faults
