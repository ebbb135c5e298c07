"""What a pipe is to the engine: what is inside it, what it uses, whether it waits, and which options suit it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

from rivusio_core.branch import Branch
from rivusio_core.errors import ConfigError
from rivusio_core.flow_pipes import Keep
from rivusio_core.pipe import AsyncBasePipe, AsyncFlatPipe, BasePipe
from rivusio_core.pipeline import steps_of
from rivusio_core.resource import Use
from rivusio_core.route import Route

__all__ = ["check_options", "goes_in_lots", "is_async", "needs_loop", "parts_of", "process_of", "uses_of"]


def parts_of(pipe: BasePipe[Any, Any]) -> tuple[BasePipe[Any, Any], ...]:
    """The pipes inside a step: those of a branch or route."""
    return pipe.parts if isinstance(pipe, Branch | Route) else ()


def uses_of(pipe: BasePipe[Any, Any]) -> dict[str, Use]:
    """The resources that a pipe uses, by attribute or parameter."""
    return pipe._configuration.uses  # pyright: ignore[reportPrivateUsage]  # same package


def process_of(pipe: BasePipe[Any, Any]) -> Callable[[Any], Any]:
    """What a pipe does with an item; each kind of pipe types it differently."""
    return cast("Callable[[Any], Any]", vars(pipe).get("process") or getattr(pipe, "process"))  # noqa: B009


def needs_loop(pipe: BasePipe[Any, Any]) -> bool:
    """Whether running it takes an event loop: something in it waits, or works beside the caller."""
    return any(_step_needs_loop(step) for step in steps_of(pipe))


def _step_needs_loop(step: BasePipe[Any, Any]) -> bool:
    options = step.options
    beside = options.concurrency > 1 or options.thread or options.in_process or options.timeout is not None
    resources = any(use.resource.is_async or use.resource.pool for use in uses_of(step).values())
    return beside or resources or is_async(step) or any(needs_loop(part) for part in parts_of(step))


def goes_in_lots(pipe: BasePipe[Any, Any]) -> bool:
    """Whether several items at once are sent to its worker process: where nothing is to be heeded for each call."""
    options = pipe.options
    each = (options.timeout, options.limits, options.limiter, options.bulkhead, options.circuit)
    return options.process and not options.validate and all(policy is None for policy in each)


def is_async(pipe: BasePipe[Any, Any]) -> bool:
    """Whether its bare call waits in the event loop."""
    if isinstance(pipe, Keep):
        return pipe.is_async
    return isinstance(pipe, AsyncBasePipe | AsyncFlatPipe)


def check_options(pipe: BasePipe[Any, Any], name: str) -> None:
    """Refuse options that this kind of pipe cannot have.

    Raises:
        ConfigError: naming the pipe and the option.
    """
    options = pipe.options
    waits = is_async(pipe) or bool(parts_of(pipe))
    if waits and (options.thread or options.in_process):
        option = next(name for name in ("thread", "process", "isolate") if getattr(options, name))
        raise ConfigError(f"pipe {name!r}: {option}=True is for sync pipes; this one waits in the event loop already")
    if options.limits is not None:
        if not options.in_process:
            raise ConfigError(f"pipe {name!r}: limits= needs isolate=True (or process=True): a process of its own")
        if unknown := options.limits.unknown_here():
            raise ConfigError(f"pipe {name!r}: limits: {' and '.join(unknown)} cannot be limited on {sys.platform}")
    if not waits and not (options.thread or options.in_process):
        if options.timeout is not None:
            raise ConfigError(
                f"pipe {name!r}: timeout= cannot interrupt a sync pipe; add thread=True (the call is abandoned) or "
                "process=True or isolate=True (the call is killed), or make it async"
            )
        if options.concurrency > 1:
            raise ConfigError(
                f"pipe {name!r}: concurrency={options.concurrency} needs an async pipe, or thread=True or process=True"
            )
