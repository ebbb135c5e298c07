"""Beginning again: a run whose source, sink or store failed goes on from its last checkpoint after a while."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass

from rivusio_core.duration import Duration
from rivusio_core.errors import (
    BadRecord,
    CheckpointWriteError,
    ConfigError,
    Fatal,
    ItemRefused,
    SinkError,
    SourceError,
    Transient,
)
from rivusio_core.policy.retry import Retry

__all__ = ["Restart"]


@dataclass(frozen=True)
class Restart:
    """When and how a run begins again by itself.

    Everything is closed and, after a wait, opened anew from the last checkpoint. What is promised of a crash holds for
    a restart: without checkpoints, a source that can be read again is read from its beginning. Waits are those of
    `Retry`: exponential with full jitter; they begin anew once results are known to be safe again.

    A failure to open anything for the first time ends the run, since it is most often a wrong setting; unless it comes
    from a `Transient`, `ConnectionError` or `TimeoutError`: what is there is then only not up yet.

    Args:
        backoff: `"1s..1m"`: the first wait is up to 1 s, the bound doubles each time, and none is longer than a minute.
            One duration: every wait is exactly that long.
        attempts: failures in a row, without progress between them, that are put up with; None: any number.
        on: which errors are begun again from. What was caused by a `BadRecord`, `Fatal` or `ItemRefused` never is.
        when: a further condition on an error of `on`.

    Raises:
        ConfigError: listing every argument that is wrong.

    Example:
        >>> from rivusio_core import SourceError
        >>> Restart("1s..5m").again(SourceError("the broker is gone"), failures=1)
        True
        >>> Restart(attempts=3).again(SourceError("the broker is gone"), failures=4)
        False
    """

    backoff: Duration = "1s..1m"
    _: KW_ONLY
    attempts: int | None = None
    on: type[Exception] | tuple[type[Exception], ...] = (SourceError, SinkError, CheckpointWriteError)
    when: Callable[[Exception], bool] | None = None

    def __post_init__(self) -> None:
        try:
            self._retry()
        except ConfigError as error:
            raise ConfigError("Restart", faults=error.faults) from None

    def _retry(self) -> Retry:
        attempts = sys.maxsize if self.attempts is None else self.attempts
        return Retry(attempts=attempts, backoff=self.backoff, on=self.on, when=self.when)

    def again(self, error: Exception, failures: int, *, opened: bool = True) -> bool:
        """Whether to begin again.

        Args:
            error: what ended the run.
            failures: in a row, this one included.
            opened: everything was open once; else this is the first start.
        """
        causes = [*_causes(error)]
        if any(isinstance(each, BadRecord | Fatal | ItemRefused) for each in causes):
            return False
        if not opened and not any(isinstance(each, Transient | ConnectionError | TimeoutError) for each in causes):
            return False
        return (self.attempts is None or failures <= self.attempts) and self._retry().again(error)

    def wait(self, error: Exception, failures: int) -> float:
        """Seconds to wait; random where `backoff` is a range."""
        asked = next((each for each in _causes(error) if isinstance(each, Transient) and each.retry_after), None)
        return self._retry().wait(failures, error if asked is None else asked)


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    seen = set[int]()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__
