"""What became of a run: counts per step, and whether every item is accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from rivusio_core.listener import Tally
from rivusio_core.profile import Profile
from rivusio_streams.delivery import Guarantee
from rivusio_streams.error_report import ErrorReport
from rivusio_streams.plan import Plan

__all__ = ["Ledger", "Report"]

_COLUMNS = (
    "taken",
    "given",
    "filtered",
    "skipped",
    "late",
    "dead",
    "failed",
    "held",
    "retries",
    "forgotten",
    "late_rows",
)


@dataclass(frozen=True)
class Ledger:
    """The counts of a run, and what they do not explain.

    Attributes:
        steps: counts by step, in order of the flow.
        lost: items that one step gave and the next did not take, by the two steps; empty, or there is a bug.
    """

    steps: Mapping[str, Tally]
    lost: Mapping[str, int]

    @staticmethod
    def of(plan: Plan, tallies: Mapping[str, Tally]) -> Ledger:
        """The ledger of a run of this plan with these counts."""
        steps = {name: tallies.get(name, Tally()) for name in plan.steps}
        lost = dict[str, int]()
        for before, after in plan.wires():
            given = sum(steps[name].given for name in before)
            if given != steps[after].taken:
                lost[f"{' + '.join(before)} -> {after}"] = given - steps[after].taken
        return Ledger(steps, lost)

    @property
    def unaccounted(self) -> int:
        """Items of which nothing is known: 0, or there is a bug in Rivusio."""
        return sum(abs(tally.unaccounted) for tally in self.steps.values()) + sum(map(abs, self.lost.values()))


@dataclass(frozen=True)
class Report:
    """What became of a run that ended cleanly.

    Attributes:
        name, id: of the run.
        seconds: how long it took.
        ledger: counts per step.
        stopped: it was asked to stop; else its input ended.
        ahead: items whose time was too far in the future to move the watermark.
        guarantee: what can be promised of its results after a crash.
        restarts: how often it began again by itself; counts are those since the last time.
        errors: the items that failed and were skipped or became dead letters, by kind.
        profile: where the time went, if that was asked for (`RunConfig(profile=True)`).
    """

    name: str
    id: str
    seconds: float
    ledger: Ledger
    stopped: bool = False
    ahead: int = 0
    guarantee: Guarantee | None = None
    restarts: int = 0
    errors: ErrorReport = field(default_factory=ErrorReport)
    profile: Profile | None = None

    @property
    def steps(self) -> Mapping[str, Tally]:
        """Counts by step, in order of the flow."""
        return self.ledger.steps

    def summary(self) -> str:
        """A few lines for people."""
        how = "stopped" if self.stopped else "finished"
        lines = [f"{self.name} {how} after {self.seconds:.1f} s", *self._table(), *self.errors.lines()]
        if self.restarts:
            times = "once" if self.restarts == 1 else f"{self.restarts} times"
            lines.append(f"it began again {times} from its last checkpoint; counts are those since then")
        if self.ahead:
            lines.append(f"{self.ahead} items lay too far in the future to move the watermark")
        if self.ledger.unaccounted:
            lines.append(f"{self.ledger.unaccounted} items are unaccounted for: please report this as a bug of Rivusio")
        if self.profile is not None:
            lines += self.profile.lines()
        return "\n".join(lines)

    def _table(self) -> list[str]:
        shown = [c for c in _COLUMNS if c in ("taken", "given") or any(getattr(t, c) for t in self.steps.values())]
        rows = [["step", *shown]]
        rows += [[name, *(f"{getattr(tally, column):,}" for column in shown)] for name, tally in self.steps.items()]
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        return [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]

    def to_json(self) -> Mapping[str, object]:
        """Everything counted, as values that JSON can hold."""
        return {
            "name": self.name,
            "id": self.id,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "steps": {
                name: {each.name: getattr(tally, each.name) for each in fields(tally)}
                for name, tally in self.steps.items()
            },
            "unaccounted": self.ledger.unaccounted,
            "lost": dict(self.ledger.lost),
            "ahead": self.ahead,
            "guarantee": None if self.guarantee is None else self.guarantee.to_json(),
            "restarts": self.restarts,
            "errors": self.errors.to_json(),
            **({} if self.profile is None else {"profile": self.profile.to_json()}),
        }

    def __str__(self) -> str:
        return self.summary()
