"""The options of a pipe: how it is called, not what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, TypedDict, cast, get_args

from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.nearest import did_you_mean
from rivusio_core.policy.circuit import CircuitBreaker
from rivusio_core.policy.limits import Limits
from rivusio_core.policy.rate_limit import RateLimit
from rivusio_core.policy.retry import Retry

__all__ = ["OnError", "OptionSettings", "PipeOptions"]

OnError = Literal["fail", "skip", "dead_letter"]
"""What happens to an item that failed for good: the run ends, the item is dropped and counted, or it is kept aside."""


class OptionSettings(TypedDict, total=False):
    """The options as keyword arguments, as `@pipe(...)` and `with_options(...)` take them."""

    name: str
    concurrency: int
    ordered: bool
    timeout: Duration | None
    retry: Retry | int | None
    on_error: OnError
    rate_limit: RateLimit | str | None
    circuit: CircuitBreaker | None
    thread: bool
    process: bool
    isolate: bool
    limits: Limits | None
    validate: bool


@dataclass(frozen=True, kw_only=True)
class PipeOptions:
    """How a pipe is called.

    Args:
        name: the step's name in errors, graphs and metrics; the function's or class's own name by default.
        concurrency: how many items may be in work at once; more than 1 needs an async pipe, `thread` or `process`.
        ordered: results keep the order of their items; False gives them as they are ready.
        timeout: the longest one attempt may take; needs an async pipe, `thread` (the call is abandoned) or
            `process` or `isolate` (the call is killed).
        retry: how failures are tried again; a number is the number of attempts.
        on_error: what happens to an item that failed for good; `Fatal` and `BadRecord` override it.
        rate_limit: calls a second at most, over all workers: `RateLimit(...)` or text such as `"100/s"`.
        circuit: stops calling a pipe that keeps failing.
        thread: a sync pipe is called in a worker thread, so that it may block.
        process: a sync pipe is called in a worker process, so that it may use another core.
        isolate: a sync pipe that may crash, hang or leak is called in a process of its own, which is replaced when it
            dies: that costs one item, which fails with a `PipeCrashed` or `LimitExceeded`. Like `process`, and no
            core is dumped.
        limits: what a call with `isolate` or `process` may use.
        validate: items and results are checked against the declared types, by pydantic in strict mode.

    Raises:
        ConfigError: listing every option that is wrong.
    """

    name: str = ""
    concurrency: int = 1
    ordered: bool = True
    timeout: Duration | None = None
    retry: Retry | int | None = None
    on_error: OnError = "fail"
    rate_limit: RateLimit | str | None = None
    circuit: CircuitBreaker | None = None
    thread: bool = False
    process: bool = False
    isolate: bool = False
    limits: Limits | None = None
    validate: bool = False

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise ConfigError(faults=faults)

    def _faults(self) -> list[Fault]:
        faults = [
            Fault(f"must be {'a whole number' if kind is int else 'True or False'}, not {value!r}", name)
            for kind, names in (
                (int, ("concurrency",)),
                (bool, ("ordered", "thread", "process", "isolate", "validate")),
            )
            for name in names
            if type(value := getattr(self, name)) is not kind
        ]
        if faults:
            return faults
        if self.concurrency < 1:
            faults.append(Fault(f"must be 1 or more, not {self.concurrency}", "concurrency"))
        if self.on_error not in get_args(OnError):
            faults.append(Fault(f"must be 'fail', 'skip' or 'dead_letter', not {self.on_error!r}", "on_error"))
        ways = [name for name in ("thread", "process", "isolate") if getattr(self, name)]
        if len(ways) > 1:
            faults.append(Fault(f"a pipe runs in one way: not with {' and '.join(ways)}", ways[-1]))
        if not isinstance(cast("object", self.limits), Limits | None):  # callers may be untyped
            faults.append(Fault(f"must be Limits(...) or None, not {type(self.limits).__name__}", "limits"))
        try:
            if self.timeout is not None and seconds(self.timeout, "timeout") <= 0:
                faults.append(Fault("must be longer than 0", "timeout"))
            _ = self.retry_policy, self.limiter
        except ConfigError as error:
            faults += error.faults
        return faults

    @property
    def in_process(self) -> bool:
        """Called in another process: `process` or `isolate`."""
        return self.process or self.isolate

    @property
    def retry_policy(self) -> Retry | None:
        """`retry` as a policy."""
        return Retry(attempts=self.retry) if isinstance(self.retry, int) else self.retry

    @property
    def limiter(self) -> RateLimit | None:
        """`rate_limit` as a policy."""
        return RateLimit.parse(self.rate_limit) if isinstance(self.rate_limit, str) else self.rate_limit

    def changed(self, settings: Mapping[str, object]) -> PipeOptions:
        """These options with some changed.

        Raises:
            ConfigError: an option is unknown or wrong.
        """
        known = [each.name for each in fields(self)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            faults = list[Fault]()
            for name in unknown:
                faults.append(Fault(f"no such option{did_you_mean(name, known)}", name))
            raise ConfigError(faults=faults)
        return replace(self, **cast("OptionSettings", dict(settings)))
