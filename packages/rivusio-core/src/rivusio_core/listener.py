"""Listeners watch runs: what started, how many items went where, what failed.

A listener hears of chunks, never of single items, and is called from the thread that runs the pipeline; what it does
there should take microseconds. One that raises, or takes a second, is reported once, and switched off after ten
failures in a row: data goes on. One that never returns is named by the watchdog, with its stack.

Example:
    >>> from rivusio_core import pipe
    >>> class Total(Listener):
    ...     taken = 0
    ...     def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
    ...         self.taken += tally.taken
    >>> @pipe
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> total = Total()
    >>> list(double.map([1, 2], listeners=[total])), total.taken
    ([2, 4], 2)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal, TypeVar

from rivusio_core.errors import PipeError

__all__ = ["Listener", "Listeners", "RunInfo", "Tally", "Treatment"]

Treatment = Literal["fail", "skip", "dead_letter"]
"""What became of an item that failed for good."""

_log = logging.getLogger("rivusio")
_FAILURES_IN_A_ROW = 10
_LONG = 1.0
"""Seconds: a call that takes so long is a failure as well."""


@dataclass(frozen=True)
class RunInfo:
    """A run: the name of its pipeline or flow, a unique id, and the names of its steps in order."""

    name: str
    id: str
    steps: tuple[str, ...] = ()


@dataclass
class Tally:
    """What one step did with the items it took. The ledger: every item taken is accounted for exactly once.

    `taken == passed + filtered + skipped + late + dead + failed + held`; `given` counts results, which differs from
    `passed` where one item gives several results or several give one. `forgotten` counts no items but keys: those whose
    state was dropped, as the limit of the step says; `late_rows` rows of batches of columns that came too late, the
    batch itself being late only if all of its rows are.
    """

    taken: int = 0
    passed: int = 0
    filtered: int = 0
    skipped: int = 0
    late: int = 0
    dead: int = 0
    failed: int = 0
    held: int = 0
    given: int = 0
    retries: int = 0
    forgotten: int = 0
    late_rows: int = 0

    def add(self, other: Tally) -> None:
        """Add the counts of `other` to these."""
        # Written out: this is called for every chunk of every step.
        self.taken += other.taken
        self.passed += other.passed
        self.filtered += other.filtered
        self.skipped += other.skipped
        self.late += other.late
        self.dead += other.dead
        self.failed += other.failed
        self.held += other.held
        self.given += other.given
        self.retries += other.retries
        self.forgotten += other.forgotten
        self.late_rows += other.late_rows

    @property
    def unaccounted(self) -> int:
        """Items taken of which nothing is known: 0, or there is a bug."""
        return self.taken - (
            self.passed + self.filtered + self.skipped + self.late + self.dead + self.failed + self.held
        )


class Listener:
    """Base of listeners: override what is of interest; every method does nothing here."""

    def run_started(self, run: RunInfo) -> None:
        """A run begins; its pipes are not set up yet."""

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        """A run is over and everything of it closed; `error` is what ended it, if anything did."""

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        """A step dealt with a chunk: `tally` holds the counts of this chunk alone (`held` as a change, not a level)."""

    def item_failed(self, run: RunInfo, error: PipeError, treatment: Treatment) -> None:
        """An item failed for good and was treated so."""

    def channel_filled(self, run: RunInfo, channel: str, items: int, capacity: int) -> None:
        """A channel holds that many items out of its capacity now."""

    def watermark_moved(self, run: RunInfo, step: str, watermark: int, wall: int) -> None:
        """Event time has reached `watermark` at a step while the clock read `wall` (both microseconds)."""

    def loop_blocked(self, run: RunInfo, step: str | None, seconds: float, stack: Sequence[str]) -> None:
        """The event loop of a run stands still, for so many seconds so far; once per incident, while it lasts.

        This alone is called from another thread than the others: that of the loop is blocked.

        Args:
            run: whose loop it is.
            step: which the loop's thread is at; None: something that is no step of this run.
            seconds: how long so far.
            stack: what the thread is at: `file:line in function: source`, the user's own calls before those of
                libraries, and the innermost first.
        """


L = TypeVar("L", bound=Listener)


class Listeners(Listener):
    """Several listeners as one, each guarded. Falsy when there is none, so that callers can skip the work."""

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self._guards = [_Guard(listener) for listener in listeners]

    def __bool__(self) -> bool:
        return bool(self._guards)

    def first(self, kind: type[L]) -> L | None:
        """The first listener of a kind, if there is one."""
        return next((guard.listener for guard in self._guards if isinstance(guard.listener, kind)), None)

    @property
    def disabled(self) -> tuple[Listener, ...]:
        """Listeners that were switched off because they kept failing."""
        return tuple(guard.listener for guard in self._guards if guard.off)

    def run_started(self, run: RunInfo) -> None:
        for guard in self._guards:
            guard.tell(lambda listener: listener.run_started(run))

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        for guard in self._guards:
            guard.tell(lambda listener: listener.run_ended(run, error))

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        for guard in self._guards:
            guard.tell_step(run, step, tally, seconds)

    def item_failed(self, run: RunInfo, error: PipeError, treatment: Treatment) -> None:
        for guard in self._guards:
            guard.tell(lambda listener: listener.item_failed(run, error, treatment))

    def channel_filled(self, run: RunInfo, channel: str, items: int, capacity: int) -> None:
        for guard in self._guards:
            guard.tell(lambda listener: listener.channel_filled(run, channel, items, capacity))

    def watermark_moved(self, run: RunInfo, step: str, watermark: int, wall: int) -> None:
        for guard in self._guards:
            guard.tell(lambda listener: listener.watermark_moved(run, step, watermark, wall))

    def loop_blocked(self, run: RunInfo, step: str | None, seconds: float, stack: Sequence[str]) -> None:
        for guard in self._guards:
            guard.tell(lambda listener: listener.loop_blocked(run, step, seconds, stack))


@dataclass
class _Guard:
    listener: Listener
    failures: int = 0
    off: bool = False
    reported: bool = field(default=False, repr=False)

    def tell(self, call: Callable[[Listener], None]) -> None:
        if self.off:
            return
        began = monotonic()
        try:
            call(self.listener)
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            self._failed("raised", error)
        else:
            self._took(monotonic() - began)

    def tell_step(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        """As `tell`, written out: this is called for every chunk of every step."""
        if self.off:
            return
        began = monotonic()
        try:
            self.listener.step_ran(run, step, tally, seconds)
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            self._failed("raised", error)
        else:
            self._took(monotonic() - began)

    def _took(self, seconds: float) -> None:
        if seconds < _LONG:
            self.failures = 0
        else:
            self._failed(f"kept the run waiting for {seconds:.1f} s")

    def _failed(self, how: str, error: Exception | None = None) -> None:
        self.failures += 1
        name = type(self.listener).__qualname__
        if not self.reported:
            self.reported = True
            told = "listener %s %s; data goes on, further failures of it are only counted"
            _log.error(told, name, how, exc_info=error)
        if self.failures >= _FAILURES_IN_A_ROW:
            self.off = True
            _log.error("listener %s raised or took too long %d times in a row and is switched off", name, self.failures)
