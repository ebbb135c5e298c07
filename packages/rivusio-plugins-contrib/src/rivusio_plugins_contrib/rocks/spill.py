"""Puts state away in RocksDB, which is embedded: a folder, no server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from pydantic import ByteSize

from rivusio_core.duration import Size, size
from rivusio_core.errors import ConfigError, Fault, StateError
from rivusio_streams import Spill, SpillStore

if TYPE_CHECKING:  # it is loaded when it is needed
    from rocksdict import Options, Rdict

__all__ = ["RocksSpill"]

_BITS = 10
"""Of the Bloom filter, for each key: one question in a hundred about a key that is not there goes to disk."""
_LONGEST = 200
"""Characters that the name of a folder may have."""


@dataclass(frozen=True)
class RocksSpill(SpillStore):
    """Keeps state in RocksDB databases under a folder, one for each step; put it on a fast local disk.

    A database is emptied when it is opened and removed when the run ends: what lasts is in checkpoints. What a run
    that was killed left behind is removed by the next run of the same flow.

    Attributes:
        folder: made if it is not there.
        cache: memory for what was read last, for all steps of a run together, and for what is being written, for each
            step; bytes, or text such as `"64MiB"`.

    Raises:
        ConfigError: `cache` is no size, or less than 1 MiB.

    Example:
        >>> import tempfile
        >>> from rivusio_streams import StateLimit, Stream
        >>> folder, out = tempfile.mkdtemp(), []
        >>> limit = StateLimit(keys=2, beyond=RocksSpill(folder))
        >>> numbers = Stream.read([1, 2, 3, 4, 1, 2, 3, 4]).key_by(lambda n: n, limit=limit)
        >>> report = numbers.scan(0, lambda count, n: count + 1).write(out).run()
        >>> out[4:]
        [(1, 2), (2, 2), (3, 2), (4, 2)]
    """

    folder: str | Path
    cache: Size = "64MiB"

    def __post_init__(self) -> None:
        try:
            enough = size(self.cache, "cache") >= 1024 * 1024
        except ConfigError as error:
            raise ConfigError("RocksSpill", faults=error.faults or [Fault(str(error), "cache")]) from None
        if not enough:
            raise ConfigError("RocksSpill", faults=[Fault("must be 1 MiB or more", "cache")])

    def open(self, flow: str, step: str) -> Spill:
        """An empty database.

        Raises:
            StateError: it cannot be made, another run has it, or `rocksdict` is not installed.
        """
        name = f"state-{quote(flow, safe='')[:_LONGEST]}-{quote(step, safe='')[:_LONGEST]}"[:_LONGEST]
        return _RocksTable(Path(self.folder) / name, size(self.cache))


class _RocksTable(Spill):
    """One database.

    Args:
        path: of its folder.
        cache: bytes.
    """

    def __init__(self, path: Path, cache: int) -> None:
        try:
            from rocksdict import Rdict, WriteOptions
        except ImportError as error:
            raise StateError("RocksSpill needs rocksdict: pip install 'rivusio-plugins-contrib[rocks]'") from error
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                Rdict.destroy(str(path), _options(cache))
            self._database: Rdict = Rdict(str(path), _options(cache))
        except Exception as error:  # rocksdict raises plain ones
            what = "another run has it" if "lock" in str(error).lower() else str(error)
            raise StateError(f"{path}: state cannot be kept there: {what}") from error
        writing = WriteOptions()
        # Nothing of it is needed after a crash. Its stubs say that this is a method: it is an attribute.
        writing.disable_wal = True  # type: ignore[method-assign,assignment]  # pyright: ignore[reportAttributeAccessIssue]
        self._database.set_write_options(writing)

    def get(self, key: bytes) -> bytes | None:
        return cast("bytes | None", self._database.get(key))  # raw mode: bytes in, bytes out

    def put(self, key: bytes, value: bytes) -> None:
        self._database.put(key, value)

    def delete(self, key: bytes) -> None:
        self._database.delete(key)

    def __iter__(self) -> Iterator[bytes]:
        return cast("Iterator[bytes]", iter(self._database.keys()))

    def close(self) -> None:
        from rocksdict import Rdict

        with suppress(Exception):  # it writes what is in memory, which nobody needs: the disk may be full
            self._database.close()
        Rdict.destroy(str(self._path))
        if self._path.exists() and not any(self._path.iterdir()):
            self._path.rmdir()


def _options(cache: int) -> Options:
    from rocksdict import BlockBasedOptions, Cache, Options

    blocks = BlockBasedOptions()
    blocks.set_bloom_filter(_BITS, False)
    blocks.set_block_cache(Cache(cache))
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_size(ByteSize(cache) // 2)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(1)
    return options
