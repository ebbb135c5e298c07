"""What the `rivusio` command needs of the thing it is told to run, check or draw.

The command knows no streams: whatever a target names is used through `Runnable`. A flow of `rivusio_streams` is one;
a single pipe or pipeline of core is wrapped into one. Another engine needs nothing but these few members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import anyio
from pydantic import BaseModel

from rivusio_core.engine.listing import ChainCode
from rivusio_core.graph import GraphFormat
from rivusio_core.listener import Listener

__all__ = ["CheckReport", "Compiled", "Launch", "RunReport", "Runnable"]


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How the command wants one run to be made.

    Attributes:
        settings: the run's own settings by name, merged from all layers and already found valid by the model that
            `Runnable.run_settings` gave; the values are as written (text such as `"10s"` included), so build your
            configuration from them: `RunConfig.model_validate(launch.settings)`. Settings nobody gave are absent.
        listeners: what watches this run: already made, to be told of it and never again used.
        stop: set once when the run is asked to end cleanly: stop reading sources, drain what is in flight, make the
            last checkpoint, return. A run that does not return by itself is cancelled by a second signal.
        progress: someone is looking at standard error, and short progress lines there are welcome.
    """

    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    listeners: Sequence[Listener] = ()
    stop: anyio.Event = field(default_factory=anyio.Event)
    progress: bool = False


class RunReport(Protocol):
    """What became of a run."""

    def to_json(self) -> Mapping[str, object]:
        """Everything counted, as values that JSON can hold; no items and no secrets."""
        ...

    def summary(self) -> str:
        """A few lines for people: what came in, what went out, what was left."""
        ...


class CheckReport(Protocol):
    """What was found without running; its text (`str()`) is for people."""

    @property
    def ok(self) -> bool:
        """Nothing was found that would prevent a run."""
        ...

    def to_json(self) -> Mapping[str, object]:
        """All faults and facts, as values that JSON can hold."""
        ...


@runtime_checkable
class Compiled(Protocol):
    """A runnable that Rivusio's own engine runs, by generated loops; other engines may have none to show."""

    def code(self) -> Sequence[ChainCode]:
        """The generated loops, in the order of the steps; opens nothing."""
        ...


@runtime_checkable
class Runnable(Protocol):
    """Something that the command can run, check and draw.

    A value: none of these methods changes it, and two launches may go on at once.
    """

    @property
    def name(self) -> str:
        """The name in messages, metrics and checkpoints."""
        ...

    def run_settings(self) -> type[BaseModel]:
        """The model of the settings that a run takes at top level (`name`, `checkpoint`, `every`, ...).

        Its fields are the known names; give it `extra="forbid"` or not, the command reports unknown names itself.
        """
        ...

    def check(self, settings: Mapping[str, object] | None = None, /) -> CheckReport:
        """Everything that can be said without running: types, faults, guarantee. Opens nothing.

        Args:
            settings: of the run, as in `Launch.settings`; None: they are not known.

        Raises:
            DefinitionError: allowed, but a report of all faults at once is better.
        """
        ...

    def graph(self, format: GraphFormat = "text") -> str:  # the name is part of the public API  # noqa: A002
        """The drawing; build a `rivusio_core.graph.Graph` and return `graph.render(format)`."""
        ...

    async def launch(self, launch: Launch, /) -> RunReport:
        """Run until the end of input or until `launch.stop` is set; runs on asyncio and trio.

        Returning means a clean end, a drained stop included. Leaves nothing running, however it ends; cancelling it
        closes everything and acknowledges nothing more.

        Raises:
            DefinitionError: found before anything ran (exit code 2).
            CheckpointWriteError: the checkpoint store failed (exit code 74).
            DrainTimeout: draining took longer than allowed (exit code 75).
            RunError: anything else that ended the run (exit code 1); also inside an exception group.
        """
        ...
