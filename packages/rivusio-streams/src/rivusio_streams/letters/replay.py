"""Trying dead letters again: they enter the flow at the step that failed on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from rivusio_streams.check import check
from rivusio_streams.config import RunConfig
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.engine.entering import Entering, Entry
from rivusio_streams.engine.port import Port, ports
from rivusio_streams.engine.run import FlowRun
from rivusio_streams.flow import Flow
from rivusio_streams.graph import MergeNode, ReadNode
from rivusio_streams.letters.coding import Unreadable, encode_letter, item_of, renewed
from rivusio_streams.letters.file import Letter, letters_in, rewrite
from rivusio_streams.letters.groups import fingerprint_in
from rivusio_streams.moment import moment
from rivusio_streams.plan import Plan

__all__ = ["Replay", "Replayed", "of_fingerprint"]


@dataclass
class Replayed:
    """What became of letters.

    Attributes:
        passed: how many went through, by the step at which they entered; they are gone from the file.
        failed: how many failed again; they stay, with their attempts counted up.
        late: how many came too late for an open window, and nothing takes late items; they stay.
        refused: how many could not enter, by reason; they stay.
        new: letters that results of theirs left behind.
        dry: nothing was done: `passed` are those that would enter.
    """

    passed: Counter[str] = field(default_factory=Counter[str])
    failed: Counter[str] = field(default_factory=Counter[str])
    late: Counter[str] = field(default_factory=Counter[str])
    refused: Counter[str] = field(default_factory=Counter[str])
    new: int = 0
    dry: bool = False

    def to_json(self) -> Mapping[str, object]:
        """As values that JSON can hold."""
        return {
            "dry_run": self.dry,
            "would_enter" if self.dry else "passed": dict(self.passed),
            "failed": dict(self.failed),
            "late": dict(self.late),
            "refused": dict(self.refused),
            "new": self.new,
        }

    def __str__(self) -> str:
        verb = "would enter" if self.dry else "passed"
        lines = [f"{_letters(count)} {verb} at {step!r}" for step, count in self.passed.items()]
        lines += [f"{_letters(count)} failed again at {step!r}" for step, count in self.failed.items()]
        lines += [f"{_letters(count)} came too late for {step!r}" for step, count in self.late.items()]
        lines += [f"{_letters(count)} cannot enter: {reason}" for reason, count in self.refused.items()]
        if self.new:
            lines.append(f"{_letters(self.new)} more, of results that were made of several items")
        return "\n".join(lines) or "there are no letters to try"


def _letters(count: int) -> str:
    return f"{count} {'letter' if count == 1 else 'letters'}"


class Replay:
    """Letters of a file, and the flow that they came from.

    The run has the flow's own settings; with its checkpoint, state goes on from there, and positions stay. A run of the
    flow that is going on holds the checkpoint, and this one is refused. Items enter with their event time and key, at
    the watermark that the flow has come to: late ones are late.

    Letters leave the file after everything that they gave is durable: a crash in between tries them once more.

    Args:
        flow: the flow.
        path: the file.
        config: the settings of the run; `dead_letters`, `restart` and `error_budget` do not matter here.
        wanted: which letters to try; None: all.
        alone: steps that keep state may begin with nothing.
    """

    def __init__(
        self,
        flow: Flow,
        path: Path,
        config: RunConfig,
        *,
        wanted: Callable[[Letter], bool] | None = None,
        alone: bool = False,
    ) -> None:
        self._flow, self._path, self._config, self._alone = flow, path, config, alone
        self._wanted = wanted
        self._plan = Plan.of(flow.ends)
        self._ports = ports(self._plan)
        self._letters: list[Letter] = []
        self._entries: list[Entry] = []

    def look(self) -> Replayed:
        """What would be done; nothing is.

        Raises:
            DeadLetterError: the file cannot be read.
        """
        found = Replayed(dry=True)
        self._letters, self._entries = [], []
        for letter in letters_in(self._path):
            if letter.fields is None:
                found.refused["the line is no dead letter"] += 1
            elif self._wanted is None or self._wanted(letter):
                try:
                    entry = self._entry(letter, letter.fields)
                except Unreadable as error:
                    found.refused[f"{letter.step}: {error}"] += 1
                    continue
                self._letters.append(letter)
                self._entries.append(entry)
                found.passed[entry.step] += 1
        return found

    def _entry(self, letter: Letter, fields: Mapping[str, object]) -> Entry:
        port = self._port(letter.step)
        value, key = item_of(fields, self._config.upcasts)
        time, side = letter.moment("time"), fields.get("side")
        if port.timed and time is None:
            raise Unreadable("the step wants to know when items happened, and the letter does not say")
        if port.sided and side not in (0, 1):
            raise Unreadable("the step joins two streams, and the letter does not say from which it came")
        return Entry(
            letter.step,
            value,
            time=None if time is None else moment(time),
            key=key,
            side=side if isinstance(side, int) else None,
            source=letter.text("source"),
            partition=letter.text("partition"),
        )

    def _port(self, step: str) -> Port:
        port = self._ports.get(step)
        if port is not None and not isinstance(port.node, MergeNode):
            return port
        if any(isinstance(each, ReadNode) and self._plan.name(each) == step for each in self._plan.nodes):
            raise Unreadable("a source could not read the record: put it right where it is, and have it read again")
        raise Unreadable(f"the flow has no such step; it has {', '.join(self._ports)}")

    async def arun(self) -> Replayed:
        """Try them.

        Raises:
            DefinitionError: a step keeps state, and nothing is known of it.
            DeadLetterError: the file cannot be read or written.
            RunError: what ended the run; the file is as it was.
        """
        found = self.look()
        found.dry = False
        if not self._entries:
            return found
        check(self._plan, dead_letters=True).raise_first()
        again = list[Envelope]()
        config = self._config.model_copy(update={"dead_letters": again, "restart": None, "error_budget": None})
        entering = Entering(self._plan, self._entries, alone=self._alone)
        await FlowRun(self._plan, config, config.name or self._flow.name, anyio.Event(), entering=entering).run()
        await anyio.to_thread.run_sync(self._put_back, found, again, entering.late)
        return found

    def run(self) -> Replayed:
        """The same from sync code.

        Raises:
            DefinitionError, DeadLetterError, RunError: as `arun` does.
        """
        return anyio.run(self.arun)

    def _put_back(self, found: Replayed, again: Sequence[Envelope], late: set[int]) -> None:
        count = len(self._entries)
        failures, new = defaultdict[int, list[Envelope]](list), list[bytes]()
        for each in again:
            if each.position is not None and each.position < 0:
                failures[each.position + count].append(each)
            else:  # of a result that was made of several items, which has a position of its own
                new.append(encode_letter(each))
        instead = defaultdict[bytes, list[list[bytes]]](list)
        for index, letter in enumerate(self._letters):
            own, lines = failures[index], list[bytes]()
            if own:
                lines = [renewed(letter.fields or {}, each) for each in own]
            elif index - count in late:
                lines = [letter.line]
            instead[letter.line].append(lines)
            told = found.failed if own else found.late if lines else None
            if told is not None:
                found.passed[letter.step] -= 1
                told[own[0].step if own else letter.step] += 1
        found.passed, found.new = +found.passed, len(new)

        def change(letter: Letter) -> list[bytes]:
            waiting = instead.get(letter.line)
            return waiting.pop(0) if waiting else [letter.line]

        rewrite(self._path, change, new)


def of_fingerprint(start: str) -> Callable[[Letter], bool]:
    """Whether the fingerprint of a letter begins so."""
    return lambda letter: fingerprint_in(letter).startswith(start)
