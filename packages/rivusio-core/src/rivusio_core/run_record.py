"""What a run says of itself while it goes on, and after: read by `rivusio explain`.

An engine writes it, this package shows it. No items and no secrets are in it: names, counts, times.

Example:
    >>> step = StepRecord(name="totals", counts={"taken": 3, "held": 1})
    >>> record = RunRecord(name="orders", id="1", state="running", steps=[step], findings=["totals holds 1 item"])
    >>> print(record)
    orders (1) is running
    <BLANKLINE>
    step    taken  held
    totals  3      1
    <BLANKLINE>
    * totals holds 1 item
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from rivusio_core.errors import ConfigError, Fault

__all__ = ["PartitionRecord", "RunRecord", "StepRecord", "read_record"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class PartitionRecord(_Record):
    """A source partition, as a step that judges by event time sees it.

    Attributes:
        partition: its name.
        watermark: how far its event time has come, ISO 8601; None: nothing came yet; `"end"`: it is over.
        since: since when it stands there, by the clock.
        idle: nobody waits for it.
        holds: it is what holds event time where it is.
    """

    partition: str
    watermark: str | None = None
    since: str | None = None
    idle: bool = False
    holds: bool = False


class StepRecord(_Record):
    """One step.

    Attributes:
        name: of the step.
        counts: of items, by what became of them.
        state: what it keeps, and how old that is.
        partitions: of a step that says how far event time has come.
    """

    name: str
    counts: dict[str, int] = Field(default_factory=dict[str, int])
    state: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    partitions: Sequence[PartitionRecord] = ()


class RunRecord(_Record):
    """One run.

    Attributes:
        name: of the run.
        id: of the run.
        state: what it does; `"waiting"`: it failed and begins again from its last checkpoint after a while.
        began: when, ISO 8601.
        updated: when this was written.
        error: what ended it, where something did.
        steps: in order.
        findings: why things are as they are, in sentences.
    """

    kind: Literal["rivusio run"] = "rivusio run"
    name: str
    id: str
    state: Literal["opening", "running", "waiting", "finished", "stopped", "failed"]
    began: str = ""
    updated: str = ""
    error: str | None = None
    steps: Sequence[StepRecord] = ()
    findings: Sequence[str] = ()

    def __str__(self) -> str:
        from rivusio_core.cli.console import table  # the record may be read without the command

        when = f", as of {self.updated}" if self.updated else ""
        state = {"running": "is running", "opening": "is opening", "waiting": "failed and will begin again"}
        lines = [f"{self.name} ({self.id}) {state.get(self.state, self.state)}{when}"]
        if self.error is not None:
            lines.append(f"{'failed with' if self.state == 'waiting' else 'ended by'} {self.error}")
        names = list(dict.fromkeys(name for step in self.steps for name in step.counts))
        if names:
            rows = [[step.name, *(str(step.counts.get(name, 0)) for name in names)] for step in self.steps]
            lines += ["", table([["step", *names], *rows])]
        for step in self.steps:
            lines += _partitions(step)
            kept = [f"{name} {value}" for name, value in step.state.items() if value not in (None, 0)]
            if kept:
                lines += ["", f"{step.name} keeps: {', '.join(kept)}"]
        if self.findings:
            lines += ["", *(f"* {finding}" for finding in self.findings)]
        return "\n".join(lines)


def _partitions(step: StepRecord) -> list[str]:
    from rivusio_core.cli.console import table

    if not step.partitions:
        return []
    rows = [["partition", "watermark", "since", ""]]
    for each in step.partitions:
        state = ", ".join(word for word, holds in (("idle", each.idle), ("holds the others back", each.holds)) if holds)
        rows.append([each.partition, each.watermark or "nothing came yet", each.since or "", state])
    return ["", f"event time at {step.name}:", table(rows)]


def read_record(path: Path) -> RunRecord:
    """Read what a run wrote.

    Args:
        path: the file.

    Raises:
        ConfigError: it cannot be read, or is no such file.
    """
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        hint = "a run writes it when its setting `record` names it: --set record=run.json"
        raise ConfigError("explain", faults=[Fault(f"{error.strerror or error}; {hint}", str(path))]) from None
    except ValidationError as error:
        raise ConfigError(
            "explain", faults=[Fault(f"is not the record of a run ({error.error_count()} faults)", str(path))]
        ) from None
