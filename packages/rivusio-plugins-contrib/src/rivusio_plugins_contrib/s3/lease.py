"""One run at a time, where there are no locks: an object that its holder writes again and again.

Who finds one that was not written for the time it promised to takes it over. Ages are those of the server, by its own
clock. The holder stops writing checkpoints as soon as it could not write the object for that time.
"""

from __future__ import annotations

import logging
import threading
import time

from rivusio_core.errors import CheckpointError, CheckpointWriteError
from rivusio_plugins_contrib.s3.bucket import Bucket, Found, Taken

__all__ = ["Lease"]

_MARGIN = 1.0
"""Seconds: what the server says is rounded."""
_POLL = 0.5
_log = logging.getLogger("rivusio")


class Lease:
    """Held from `acquire` to `release`.

    Args:
        bucket: where it is.
        key: of its object.
        seconds: after which it is over when its holder has died.
        place: for messages.
    """

    def __init__(self, bucket: Bucket, key: str, seconds: float, place: str) -> None:
        self._bucket, self._key, self._seconds, self._place = bucket, key, seconds, place
        self._etag = ""
        self._until = 0.0
        self._count = 0
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def held(self) -> bool:
        """Nobody else can have it."""
        return time.monotonic() < self._until

    def acquire(self) -> None:
        """Get it; where a run has died, wait until its lease is over.

        Raises:
            CheckpointWriteError: another run has it.
        """
        first: str | None = None
        while not self._write(None):
            found = self._bucket.find(self._key)
            if found is None:  # it was given back just now
                continue
            if first is not None and found.etag != first:
                raise self._taken()
            if found.age > _promised(found, self._seconds) + _MARGIN:
                if self._write(found.etag):
                    break
                raise self._taken()
            first = found.etag
            time.sleep(_POLL)
        self._thread = threading.Thread(target=self._renew, name=f"lease {self._key}", daemon=True)
        self._thread.start()

    def _write(self, instead_of: str | None) -> bool:
        began = time.monotonic()
        self._count += 1
        try:
            self._etag = self._bucket.put(
                self._key,
                f"{id(self)} {self._count} {time.time_ns()}".encode(),  # never the same: the etag must change
                instead_of=instead_of,
                notes={"rivusio-lease": repr(self._seconds)},
            )
        except Taken:
            return False
        self._until = began + self._seconds
        return True

    def _renew(self) -> None:
        while not self._end.wait(self._seconds / 3):
            try:
                with self._bucket.failing("renewing the lease", CheckpointWriteError):
                    if not self._write(self._etag):
                        self._until = 0.0
                        _log.error("%s: another run has taken over; this one makes no more checkpoints", self._place)
                        return
            except CheckpointError as error:
                _log.warning("%s; it is tried again", error)

    def release(self) -> None:
        """Give it back."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            if self._until:
                self._bucket.release(self._key, self._etag)
        self._until = 0.0

    def _taken(self) -> CheckpointWriteError:
        return CheckpointWriteError(
            f"{self._place}: another run of this flow is using these checkpoints; wait for its end, or give this run "
            "another name or place"
        )


def _promised(found: Found, otherwise: float) -> float:
    try:
        return float(found.notes["rivusio-lease"])
    except (KeyError, ValueError):
        return otherwise
