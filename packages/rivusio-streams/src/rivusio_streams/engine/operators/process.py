"""User code with state and timers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_core.errors import Fatal, PipeError
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.context import Call
from rivusio_streams.engine.operators.expiry import Expiry
from rivusio_streams.engine.operators.forgetting import Bounds
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.timers import Timers, Waiting
from rivusio_streams.engine.rows import RowFailed, Rows
from rivusio_streams.keyed_process import FunctionProcessor, UserProcess
from rivusio_streams.moment import FOREVER, NEVER
from rivusio_streams.process import Timer

__all__ = ["ProcessOperator"]

_LONGEST_CHAIN = 1_000
"""Timers that set one another without any time passing."""


class ProcessOperator(Operator):
    """A processor at work.

    What user code sees of the watermark is the mark of its item, or the time of its timer: event time passes step by
    step for it, wherever the watermark jumped from and to, so that nothing depends on how items came in chunks.

    Args:
        name: of the step.
        spec: what to do.
        bounds: what to keep states in where there is a limit; made with what forgets a key.
    """

    clocked = True

    def __init__(self, name: str, spec: UserProcess, bounds: Bounds | None = None) -> None:
        super().__init__(name)
        self._spec, self._processor, self._refuse = spec, spec.processor, spec.refuse
        made = spec.processor
        self._on_item = made.function if isinstance(made, FunctionProcessor) else made.on_item
        self.bounded = None if bounds is None else bounds(self._drop)
        self._states: MutableMapping[Any, Any] = {} if self.bounded is None else self.bounded
        self._timers = Timers()
        self._ttl = spec.expiring.after or 0
        self._expiry = Expiry() if spec.expiring.after is not None else None
        self._lasting = self.bounded is None and self._expiry is None
        """No key is ever forgotten: it makes no difference whether its state is read."""
        self._recall = self._states.get if self._lasting else _not_yet
        """Gives the state of a key before a call."""
        self._call = Call(name, None if self._lasting else self._load, made.create)
        self._reached = NEVER
        """The watermark that user code has seen; finite at the end of input, too."""
        self._ended: set[tuple[Any, str]] | None = None
        """Once the input is over: timers that have fired since."""

    # --------------------------------------------------------------------------------------------------- calls

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        late = bytearray(1)
        try:
            self.add_rows(iter([(0, (time, mark, key, value))]), late)
        except RowFailed as failed:
            raise failed.error from failed.error.__cause__
        return not late[0]

    def add_rows(self, rows: Rows, late: bytearray) -> None:
        """As for all operators. The usual call, which does no more than read or assign the state, is dealt with here.

        Where keys are forgotten, by time or since there are too many, what is read counts: the state is looked up when
        it is asked for.
        """
        call, on_item, refuse, touch = self._call, self._on_item, self._refuse, self.touched.add
        states, recall, lasting, index = self._states, self._recall, self._lasting, -1
        call.timed = self.timed
        give, give_time, give_mark = self.values.append, self.times.append, self.marks.append
        try:
            for index, (time, mark, key, item) in rows:
                if mark >= self.next:
                    self.advance(mark)
                if refuse and time < mark:
                    late[index] = True
                    continue
                if mark > self._reached:
                    self._reached = mark
                touch(key)  # even when the call fails: it may have changed a list that is the state
                call.owner, call.at, call.mark = key, time, mark
                call.value = found = recall(key, NOTHING)
                results = on_item(item, call)
                kind = type(results)  # a name of its own: else type checkers take it for a list of unknown items
                if results is not None and kind is not list:
                    results = list(results)  # a generator works, or fails, only here
                if call.changes or call.cleared or not lasting:
                    self._commit(key, time, 0, results, mark)
                    if self.bounded is not None:
                        self.bounded.settle()
                    self._schedule()
                    if self.next <= mark:
                        self._fire_by_event_time(mark)
                        self._schedule()
                    continue
                value = call.value
                if value is not found:
                    states[key] = value
                if results:
                    for result in results:
                        give(result)
                        give_time(time)
                        give_mark(mark)
        except Exception as error:
            call.reset()
            raise RowFailed(index, error) from error

    def _drop(self, key: Any) -> None:
        """Too many keys have state, and this one was used longest ago: it is forgotten."""
        self.touched.add(key)
        self.forgotten += 1
        del self._states[key]
        self._timers.clear(key)
        if self._expiry is not None:
            self._expiry.forget(key)

    def _commit(self, key: Any, time: int, chain: int, results: Iterable[Any] | None, mark: int) -> None:
        """Make true what a call that went well has said.

        Args:
            key: its key.
            time: of its results.
            chain: of the timers that it sets at or before the watermark.
            results: what it gave.
            mark: the watermark before its results.
        """
        call = self._call
        if call.cleared:
            call.cleared = False
            self._states.pop(key, None)
            self._timers.clear(key)
            if self._expiry is not None:
                self._expiry.forget(key)
        if call.changes:
            changes, call.changes = call.changes, []
            for name, at, by in changes:
                if by is None or at is None:
                    self._timers.cancel(key, name)
                elif by == "clock":
                    self._timers.set(key, name, self.now + at, by, chain if self._ended is not None else 0)
                else:
                    self._timers.set(key, name, at, by, chain if at <= mark or self._ended is not None else 0)
        if call.value is not NOTHING:
            self._states[key] = call.value
            if self._expiry is not None:
                self._expiry.touch(key, (self.now if self._spec.expiring.clocked else time) + self._ttl)
        if results:
            for result in results:
                self.give(result, time, mark)

    def _load(self, key: Any) -> Any:
        if self._expiry is not None:
            now = self.now if self._spec.expiring.clocked else self._reached
            if self._expiry.gone(key, now):
                return NOTHING
        return self._states.get(key, NOTHING)

    # ------------------------------------------------------------------------------------------------- time passes

    def advance(self, watermark: int) -> None:
        """Fire the timers of event time; at the end those of the clock, too: nothing may follow the last watermark."""
        if watermark == FOREVER and self._ended is None:
            self._ended = set()
        self._fire_by_event_time(watermark)
        if watermark == FOREVER:
            self._fire_by_clock(FOREVER)
        else:
            self._reached = max(self._reached, watermark)
            if self._expiry is not None and self._spec.expiring.timed:
                self._expire(self._expiry, watermark)
        self._schedule()

    def _fire_by_event_time(self, watermark: int) -> None:
        timers = self._timers
        while timers.timed and timers.timed[0][0] <= watermark:
            timer = timers.pop("event_time", watermark)
            if timer is None:
                return
            at = timer[0]
            if at > self._reached:
                self._reached = at
            self._fire(timer, at, at)

    def tick(self) -> None:
        self._fire_by_clock(self.now)
        if self._expiry is not None and self._spec.expiring.clocked:
            self._expire(self._expiry, self.now)
        self._schedule()

    def _fire_by_clock(self, until: int) -> None:
        if self.watermark < FOREVER:
            self._reached = max(self._reached, self.watermark)
        while (timer := self._timers.pop("clock", until)) is not None:
            self._fire(timer, self.wall, self.wall if self._reached == NEVER else self._reached)
            self._fire_by_event_time(self.watermark if self._ended is None else FOREVER)

    def _fire(self, timer: Waiting, at: int, time: int) -> None:
        """Call `on_timer`.

        Raises:
            PipeError: it failed; no item is at fault: not a BadRecord, even if that is what it raised.
        """
        _, _, _, key, name, by, chain = timer
        self.touched.add(key)
        if chain > _LONGEST_CHAIN:
            raise Fatal(
                f"{self.name}: timer {name!r}: {_LONGEST_CHAIN:,} timers in a row set one another for times that "
                "have come already; set it later than context.watermark, or not at all"
            )
        if self._ended is not None:
            if (key, name) in self._ended:
                return
            self._ended.add((key, name))
        call = self._call
        call.owner, call.at, call.mark, call.timed = key, time, self._reached, self.timed
        call.value = self._recall(key, NOTHING)
        try:
            results = self._processor.on_timer(Timer(name, at, by), call)
            made: list[Any] | None = None if results is None else list(results)
        except Exception as error:
            failure = PipeError(pipe=self.name, cause=error)
            raise PipeError(f"timer {name!r}: {failure.reason}", pipe=self.name, cause=error) from error
        self._commit(key, time, chain + 1, made, self._reached)
        if self.bounded is not None:
            self.bounded.settle()

    def _expire(self, expiry: Expiry, now: int) -> None:
        for key in expiry.expired(now):
            self.touched.add(key)
            del self._states[key]

    def finish(self) -> None:
        self.advance(FOREVER)
        self._ended = set()  # nothing is set any more
        if self.bounded is None:  # else there may be more of them than fit into memory
            self.touched.update(self._states)
        self._states.clear()
        if self._expiry is not None:
            self._expiry.clear()
        self._schedule()

    def _schedule(self) -> None:
        timed, clocked = self._timers.timed, self._timers.clocked
        self.next, self.due = timed[0][0] if timed else FOREVER, clocked[0][0] if clocked else FOREVER
        if self._expiry is not None:
            if self._spec.expiring.clocked:
                self.due = min(self.due, self._expiry.next)
            elif self._ended is None:
                self.next = min(self.next, self._expiry.next)

    # --------------------------------------------------------------------------------------------------- snapshots

    # A cell for each key: state, when that is forgotten, timers, and where there is a limit when it was used.

    def header(self) -> object:
        return self._reached, self._timers.order, None if self._ended is None else list(self._ended)

    def cell(self, cell: Any) -> object:
        timers, used = self._timers.of(cell), None
        if self.bounded is None:
            state = self._states.get(cell, NOTHING)
        else:
            used = self.bounded.number(cell)
            try:
                state = self.bounded.peek(cell)
            except KeyError:
                state = NOTHING
        if state is NOTHING and not timers:
            return GONE
        return state, None if self._expiry is None else self._expiry.at.get(cell), timers, used

    def cells(self) -> Iterator[Any]:
        yield from self._states
        yield from (key for key in self._timers.owners() if key not in self._states)

    divisible = True

    def header_of(self, headers: Sequence[Any]) -> object:
        reached, orders, ended = zip(*headers, strict=True)
        over = [each for each in ended if each is not None]
        return max(reached), max(orders), [timer for each in over for timer in each] if over else None

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._reached, self._timers.order, ended = header
        self._ended = None if ended is None else {(key, name) for key, name in ended}
        for key, (state, expires, timers, used) in cells.items():
            if state is not NOTHING and self.bounded is None:
                self._states[key] = state
            elif state is not NOTHING and self.bounded is not None:
                self.bounded.restore(key, state, used)
            if self._expiry is not None and expires is not None:
                self._expiry.touch(key, expires)
            self._timers.restore(key, timers)
        if self.bounded is not None:
            self.bounded.restored()
        self._schedule()

    def explain(self) -> dict[str, object]:
        counts: dict[str, object] = {"held": self.held, "keys": len(self._states), "timers": len(self._timers)}
        return counts | ({"forgotten": self.forgotten} if self.forgotten else {})


def _not_yet(key: object, default: object) -> object:
    """For states that are looked up when they are asked for."""
    return default
