"""Where the time of a run went, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Profile", "Role", "StepProfile"]

Role = Literal["source", "pipe", "concurrent", "stage", "sink"]
"""What a step is: it reads, is a pipe, a pipe with several items at once, something of the engine's, or it writes."""

_STANDS_OUT = 0.3
"""Share of the run's time from which on a step is worth being named."""


@dataclass(frozen=True)
class StepProfile:
    """The times of a step, in seconds.

    Attributes:
        step: its name.
        role: what it is.
        items: that it took.
        running: the event loop's thread worked for it (time in threads and worker processes is waiting).
        waiting: it awaited something outside: a call, a thread, the disk; a source: the next items. Of a step with
            several items at once the sum over its items.
        blocked: it was held up by the steps behind it, which waited.
        full: all its places were taken, and the next item had to wait (only of concurrent steps).
        chunks: how often items came to it.
        chunk: how many came at once, the median.
        largest: how many came at once at most.
        concurrency: how many items it may have in work at once.
        in_work: how many it had in work on average.
    """

    step: str
    role: Role
    items: int = 0
    running: float = 0.0
    waiting: float = 0.0
    blocked: float = 0.0
    full: float = 0.0
    chunks: int = 0
    chunk: int = 0
    largest: int = 0
    concurrency: int = 1
    in_work: float = 0.0

    @property
    def busy(self) -> float:
        """Seconds for which nothing else could go on in it: at work, or waiting with all its places taken."""
        return (self.running + self.waiting) / self.concurrency


@dataclass(frozen=True)
class Profile:
    """Where the time of a run went.

    Attributes:
        seconds: the run took, in the event loop.
        steps: in the order of the flow.

    Example:
        >>> slow = StepProfile("enrich", "pipe", items=100, running=0.1, waiting=8.9)
        >>> profile = Profile(10.0, (StepProfile("orders", "source", items=100, waiting=0.5), slow))
        >>> profile.bottleneck.step
        'enrich'
        >>> profile.advice
        "'enrich' waits for 89 % of the time, one item at a time: with concurrency=16 it waits for several at once"
    """

    seconds: float
    steps: tuple[StepProfile, ...]

    @property
    def bottleneck(self) -> StepProfile | None:
        """The step that took most of the time; None: none stands out."""
        most = max(self.steps, key=lambda each: each.busy, default=None)
        return most if most is not None and most.busy >= _STANDS_OUT * self.seconds and self.seconds > 0 else None

    @property
    def advice(self) -> str:
        """The bottleneck, and what would help, in a sentence."""
        worst = self.bottleneck
        if worst is not None:
            return _advice(worst, self.seconds)
        spent = sum(each.running for each in self.steps)
        if spent < _STANDS_OUT * self.seconds:
            return "no step stands out: for most of the time there was nothing to do"
        return "no step stands out: the time is spread over several steps"

    def lines(self) -> list[str]:
        """A table and the advice, for people."""
        if not self.steps:
            return []
        shows_full = any(each.role == "concurrent" for each in self.steps)
        head = ["step", "items", "self", "us/item", "waiting", "blocked", "chunks", "median", "largest"]
        rows = [head + ["in work", "full"] * shows_full]
        for each in self.steps:
            row = [
                each.step,
                f"{each.items:,}",
                self._share(each.running),
                f"{each.running / each.items * 1e6:,.2f}" if each.items else "-",
                self._share(each.waiting / each.concurrency),
                self._share(each.blocked),
                f"{each.chunks:,}",
                f"{each.chunk:,}",
                f"{each.largest:,}",
            ]
            if shows_full:
                at_once = each.role == "concurrent"
                row += [f"{each.in_work:.1f}/{each.concurrency}" if at_once else "-"]
                row += [self._share(each.full) if at_once else "-"]
            rows.append(row)
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        table = [
            "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        return [f"profile of {self.seconds:.2f} s:", *table, self.advice]

    def _share(self, seconds: float) -> str:
        return f"{_percent(seconds, self.seconds)} %"

    def to_json(self) -> Mapping[str, object]:
        """Everything, as values that JSON can hold."""
        steps = [
            {name: round(v, 6) if isinstance(v, float) else v for name, v in asdict(s).items()} for s in self.steps
        ]
        worst = self.bottleneck
        return {
            "seconds": round(self.seconds, 6),
            "steps": steps,
            "bottleneck": None if worst is None else worst.step,
            "advice": self.advice,
        }


def _percent(seconds: float, whole: float) -> int:
    return round(100 * seconds / whole) if whole > 0 else 0


def _advice(step: StepProfile, whole: float) -> str:
    if step.waiting < step.running:
        cheaper = "give it less to do, with filters before it"
        if step.role in ("pipe", "concurrent"):
            cheaper = "make it cheaper, or give it process=True and concurrency"
        return f"{step.step!r} computes for {_percent(step.running, whole)} % of the time on one core: {cheaper}"
    if step.role == "concurrent":
        at_once = f"{step.in_work:.1f} of {step.concurrency} items in work"
        return f"{step.step!r} waits with {at_once}: raise its concurrency, or what it calls is at its limit"
    waits = f"{step.step!r} waits for {_percent(step.waiting, whole)} % of the time"
    match step.role:
        case "source":
            return f"{waits} for something to read: what comes behind it is fast enough"
        case "pipe":
            return f"{waits}, one item at a time: with concurrency=16 it waits for several at once"
        case _:
            return f"{waits} for what it calls: larger batches, or a faster place to write to"
