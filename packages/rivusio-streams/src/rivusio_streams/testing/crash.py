"""Does a flow keep its promise when it crashes? Tried at every operation, not argued."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from rivusio_core.event_loop import calling_in_loop
from rivusio_core.testing import VirtualClock
from rivusio_streams.checkpoint.folder import FolderStore
from rivusio_streams.checkpoint.places import store_at
from rivusio_streams.checkpoint.store import CheckpointStore
from rivusio_streams.config import RunConfig
from rivusio_streams.delivery import Delivery
from rivusio_streams.flow import Flow
from rivusio_streams.graph import KeyedNode, Node, ReadNode, TeeNode, WriteNode, rewired
from rivusio_streams.restart import Restart
from rivusio_streams.testing.faults import Faults, How, broken_sink, broken_source, broken_store
from rivusio_streams.testing.shuffle import difference

__all__ = ["CrashReport", "crash_check"]


_PATIENCE = "20ms"
"""Half of it is waited for a call that hangs."""


@dataclass(frozen=True)
class CrashReport:
    """What was tried.

    Attributes:
        operations: of a run without faults.
        crashes: how many were tried.
        duplicated: results that were there more than once after some crash.
        lost: results that were not there after some crash.
    """

    operations: int
    crashes: int
    duplicated: int
    lost: int


def crash_check(
    make_flow: Callable[[Path], Flow],
    read: Callable[[Path], Sequence[Any]],
    *,
    delivery: Delivery = "exactly_once",
    store: Callable[[Path], CheckpointStore | str | Path | None] = lambda place: FolderStore(place / "checkpoints"),
    kinds: Sequence[How] = ("before", "after", "partial"),
    pairs: int = 0,
    restarting: bool = False,
) -> CrashReport:
    """Run a flow, let it crash at an operation of source, sink or store, run it again to its end, and compare.

    Every operation is tried. Sources give two items at once, with checkpoints in between; time is virtual.

    Args:
        make_flow: makes the flow anew, reading and writing below a folder of its own. Its sinks are of the kind `Sink`.
        read: gives the results that are to be seen in that folder.
        delivery: what is claimed. `"exactly_once"`: the same results as without a crash; `"at_least_once"`: some may
            be there again; `"at_most_once"`: some may be missing.
        store: where checkpoints are kept, below that folder; None: nowhere.
        kinds: what becomes of the operation: it is not begun, it is done and nobody hears of it, half of a write is
            done, or (`"hang"`) it never returns and the run is cancelled.
        pairs: try a second crash, too, at every so-manieth operation of the run after the first; 1: at all, 0: at none.
        restarting: the operation fails once and the run begins again by itself, in place of a crash.

    Raises:
        AssertionError: the claim does not hold; it says after which operations.
    """
    with TemporaryDirectory() as folder:
        trial = _Trial(make_flow, read, delivery, store, restarting, Path(folder))
        return trial.all(kinds, pairs)


class _Trial:
    def __init__(
        self,
        make_flow: Callable[[Path], Flow],
        read: Callable[[Path], Sequence[Any]],
        delivery: Delivery,
        store: Callable[[Path], CheckpointStore | str | Path | None],
        restarting: bool,
        folder: Path,
    ) -> None:
        self._make_flow, self._read, self._delivery, self._store = make_flow, read, delivery, store
        self._restart = Restart("1s", on=Exception) if restarting else None
        self._folder, self._places = folder, 0
        self._expected: list[Any] = []
        self._crashes = self._duplicated = self._lost = 0

    def all(self, kinds: Sequence[How], pairs: int) -> CrashReport:
        place, whole = self._new_place(), Faults()
        self._run(place, whole)
        self._expected = list(self._read(place))
        for how in kinds:
            for at, name in enumerate(whole.done, 1):
                if how != "partial" or name == "write":
                    self._try([(at, how)])
                    for second in range(1, len(whole.done) + 1, pairs) if pairs else ():
                        self._try([(at, how), (second, "after")])
        return CrashReport(len(whole.done), self._crashes, self._duplicated, self._lost)

    def _new_place(self) -> Path:
        self._places += 1
        place = self._folder / str(self._places)
        place.mkdir()
        return place

    def _try(self, crashes: Sequence[tuple[int, How]]) -> None:
        place, story = self._new_place(), list[str]()
        for at, how in crashes:
            faults = Faults(at, how, lasting=self._restart is None)
            self._run(place, faults)
            if faults.crashed:
                self._crashes += 1
                story.append(f"{how} operation {at} ({faults.done[-1]})")
        self._run(place, Faults())
        self._compare(list(self._read(place)), " and ".join(story))

    def _compare(self, found: list[Any], story: str) -> None:
        missing, extra = difference(self._expected, found)
        unknown = [each for each in extra if each not in self._expected]
        self._lost += len(missing)
        self._duplicated += len(extra)
        wrong = list[str]()
        if missing and self._delivery != "at_most_once":
            wrong.append(f"lost: {missing[:3]!r}")
        if unknown or (extra and self._delivery != "at_least_once"):
            wrong.append(f"too much: {extra[:3]!r}")
        if wrong:
            raise AssertionError(f"{self._delivery} does not hold after a crash {story}: {'; '.join(wrong)}")

    def _run(self, place: Path, faults: Faults) -> None:
        clock = VirtualClock()
        flow = self._make_flow(place)
        ends = rewired(flow.ends, lambda node: _broken(node, faults, clock))
        kept = self._store(place)
        config = RunConfig(
            checkpoint=None if kept is None else broken_store(store_at(kept), faults),
            clock=clock,
            every="1s",
            restart=self._restart,
            drain_timeout=_PATIENCE if faults.how == "hang" else "30s",
        )

        async def cut() -> None:
            with anyio.CancelScope() as scope:
                call = calling_in_loop()
                faults.hung = lambda: call(scope.cancel)
                await Flow(tuple(ends), flow.name).arun(config)  # type: ignore[arg-type]  # ends stay ends

        try:
            clock.run(cut)
        except Exception:
            if not faults.crashed:
                raise
        finally:
            faults.end()


def _broken(node: Node, faults: Faults, clock: VirtualClock) -> Node:
    match node:
        case ReadNode():
            return replace(node, source=broken_source(node.source, faults, clock))
        case WriteNode() | TeeNode():
            return replace(node, sink=broken_sink(node.sink, faults))
        case KeyedNode() if node.late_to is not None:
            return replace(node, late_to=broken_sink(node.late_to, faults))
        case _:
            return node
