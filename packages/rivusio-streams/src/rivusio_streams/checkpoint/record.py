"""One checkpoint as bytes: sealed with a checksum, so that a damaged one is never taken for a whole one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from pydantic import TypeAdapter

from rivusio_core.errors import CheckpointCorrupt
from rivusio_streams.checkpoint.lots import lots
from rivusio_streams.state.pack import Parts, array_header, map_header, pack, parts

__all__ = ["Record", "StepState", "merged", "seal", "unseal"]

_MAGIC = b"RIVUSIO\x02"
_DIGEST = 32


@dataclass
class StepState:
    """What a step keeps, encoded.

    Attributes:
        header: its small part, replaced by each checkpoint.
        cells: by encoded id; None: the cell is no more. In the order in which they were first kept.
    """

    header: bytes
    cells: dict[bytes, bytes | None]


@dataclass
class Record:
    """A checkpoint, or what changed since the one before.

    Attributes:
        flow: its name.
        number: grows from checkpoint to checkpoint, and is never used twice.
        base: the number of the checkpoint that this one adds to; None: it is whole.
        at: when it was made, microseconds since the epoch.
        ended: the input was over: the next run reads on behind it with no state.
        name: of a savepoint; else empty.
        steps: what they keep, by name; sources keep how far their partitions were read.
        tokens: of two-phase sinks, by step, as JSON: staged, and to be published by whoever reads this.
        topology: how each step that keeps something was defined, in words.
        schemas: of the types of the values that are kept, as JSON, by name and fingerprint.
    """

    flow: str
    number: int
    base: int | None
    at: int
    ended: bool = False
    name: str = ""
    steps: dict[str, StepState] = field(default_factory=dict[str, StepState])
    tokens: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    topology: dict[str, str] = field(default_factory=dict[str, str])
    schemas: dict[str, bytes] = field(default_factory=dict[str, bytes])


_adapter = TypeAdapter(Record)


def seal(record: Record) -> bytes:
    """A record as bytes: a mark, a checksum (BLAKE2b of what follows), MessagePack.

    Steps come last, for they may be large: they are packed, and read again, by lots.
    """
    plain = {**vars(record)}
    del plain["steps"]
    body = b"".join((pack(plain), *_packed(record.steps)))
    return b"".join((_MAGIC, _digest(body), body))


def _packed(steps: Mapping[str, StepState]) -> Iterator[bytes]:
    """A dict of all steps: of each a list of its header and a dict of its cells, which may be many."""
    yield map_header(len(steps))
    for name, own in steps.items():
        yield pack(name) + array_header(2) + pack(own.header) + map_header(len(own.cells))
        for lot in lots(own.cells.items()):
            flat = [*chain.from_iterable(lot)]
            yield pack(flat)[len(array_header(len(flat))) :]


def unseal(data: bytes, where: str) -> Record:
    """The record that `seal` made bytes of.

    Raises:
        CheckpointCorrupt: it is damaged, or no checkpoint; `where` says which.
    """
    start = len(_MAGIC)
    view = memoryview(data)
    if data[: start - 1] != _MAGIC[:-1]:
        raise CheckpointCorrupt(f"{where} is no checkpoint, or its beginning is damaged")
    if data[:start] != _MAGIC:
        raise CheckpointCorrupt(f"{where} was written by another version of rivusio-streams; use that one")
    body = view[start + _DIGEST :]
    if _digest(body) != data[start : start + _DIGEST]:
        raise CheckpointCorrupt(f"{where} is damaged: its checksum does not fit")
    try:
        found = parts(body)
        return replace(_adapter.validate_python(next(found)), steps=_unpacked(found))
    except Exception as error:  # written by a program that computes the checksum otherwise
        raise CheckpointCorrupt(f"{where} cannot be understood ({type(error).__name__})") from error


def _unpacked(found: Parts) -> dict[str, StepState]:
    return {next(found): _state(found) for _ in range(found.read_map_header())}


def _state(found: Parts) -> StepState:
    found.read_array_header()
    header, count = next(found), found.read_map_header()
    cells = dict[bytes, bytes | None]()
    for lot in lots(islice(found, 2 * count)):
        cells.update(zip(lot[::2], lot[1::2], strict=True))
    if not isinstance(header, bytes) or len(cells) < count or not {*map(type, cells)} <= {bytes}:
        raise ValueError("this is no state of a step")
    return StepState(header, cells)


def _digest(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST).digest()


def merged(records: Iterable[Record]) -> Record:
    """The whole checkpoint that a whole one and those that add to it make together.

    A cell that is put again keeps its place; one that was gone in between goes to the end.
    """
    first, *others = records
    steps = {
        name: StepState(
            own.header, {cell: value for lot in lots(own.cells.items()) for cell, value in lot if value is not None}
        )
        for name, own in first.steps.items()
    }
    last, schemas = first, {**first.schemas}
    for record in others:
        for name, own in record.steps.items():
            state = steps.setdefault(name, StepState(own.header, {}))
            state.header = own.header
            for lot in lots(own.cells.items()):
                for cell, value in lot:
                    if value is None:
                        state.cells.pop(cell, None)
                    else:
                        state.cells[cell] = value
        if record.ended:
            steps = {name: StepState(own.header, {}) for name, own in record.steps.items()}
        schemas |= record.schemas
        last = record
    return replace(last, base=None, steps=steps, schemas=schemas)
