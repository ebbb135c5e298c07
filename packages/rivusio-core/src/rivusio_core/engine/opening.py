"""Setting pipes up for a run: copies of their own, resources, and the steps that the loops call."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import GenericAlias
from typing import Any, cast

import anyio.to_thread

from rivusio_core.branch import Branch
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.nature import check_options, goes_in_lots, is_async, process_of, uses_of
from rivusio_core.engine.pool import Pool
from rivusio_core.engine.process import ProcessPool
from rivusio_core.engine.step import How, Kind, Step, attempt_of, drive, interpret_all
from rivusio_core.flow_pipes import Keep
from rivusio_core.function import FunctionPipe
from rivusio_core.pipe import AsyncBasePipe, AsyncFlatPipe, AsyncLife, BasePipe, FlatPipe, SyncBasePipe, SyncLife
from rivusio_core.pipeline import steps_of
from rivusio_core.policy.layer import Call, Layer
from rivusio_core.policy.pristine import pristine
from rivusio_core.policy.timeout import Timeout
from rivusio_core.policy.validation import Validation
from rivusio_core.ports import ports_of
from rivusio_core.resource import Resource
from rivusio_core.route import Route
from rivusio_core.run_clock import run_clock

__all__ = ["Opening", "shape_of"]


class Opening:
    """The opened pipes and resources of one run; closes them in reverse order of opening."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._closers: list[tuple[str, Callable[[], Awaitable[object] | object]]] = []
        self._shared: dict[Resource[Any], object] = {}
        self._pools: dict[Resource[Any], Pool] = {}

    def beside(self, context: RunContext) -> Opening:
        """The same opening, setting pipes up for calls made from other threads; they are closed here."""
        other = Opening(context)
        other._closers, other._shared, other._pools = self._closers, self._shared, self._pools
        return other

    async def step(self, pipe: BasePipe[Any, Any], name: str) -> Step:
        """Set a pipe up and make a step of it.

        Raises:
            ConfigError: its options do not go together.
            Exception: whatever its `setup` raises.
        """
        copy = pipe._copy()  # pyright: ignore[reportPrivateUsage]  # a run's own copy is the engine's business
        check_options(copy, name)
        lent = await self._take_resources(copy)
        if isinstance(copy, FunctionPipe):
            copy.bind(lent)
        if not copy.options.in_process:
            await self._set_up(copy, name)
        kind, process, waits = await self._calls(copy, name)
        for attribute, pool in self._lenders(copy).items():
            process, waits = pool.lending(copy, attribute, process, kind), True
        return self._layered(copy, name, kind, process, waits)

    def closes(self, name: str, closer: Callable[[], Awaitable[object] | object]) -> None:
        """Have something closed with the rest."""
        self._closers.append((name, closer))

    async def close(self) -> list[Exception]:
        """Tear everything down, in reverse order, whatever fails; gives what failed.

        Raises:
            BaseException: the first interrupt or cancellation that hit one of them, once the others are closed.
        """
        errors, stopped = list[Exception](), cast("BaseException | None", None)
        while self._closers:
            name, closer = self._closers.pop()
            try:
                result = closer()
                if isinstance(result, Awaitable):
                    await result
            except Exception as error:  # noqa: BLE001  # user code may raise anything
                error.add_note(f"while closing {name!r}")
                errors.append(error)
            except BaseException as error:  # noqa: BLE001  # a shield does not hold off asyncio's own cancellation
                stopped = stopped or error
        if stopped is not None:
            raise stopped
        return errors

    # ------------------------------------------------------------------------------------------------ set-up

    async def _set_up(self, pipe: BasePipe[Any, Any], name: str) -> None:
        if isinstance(pipe, SyncBasePipe | FlatPipe):
            if type(pipe).teardown not in _IDLE:
                self._closers.append((name, pipe.teardown))
            pipe.setup()
        elif isinstance(pipe, AsyncBasePipe | AsyncFlatPipe):
            if type(pipe).teardown not in _IDLE:
                self._closers.append((name, pipe.teardown))
            await pipe.setup()

    async def _take_resources(self, pipe: BasePipe[Any, Any]) -> dict[str, object]:
        lent = dict[str, object]()
        for attribute, use in uses_of(pipe).items():
            if use.resource is run_clock:
                lent[attribute] = vars(pipe)[attribute] = self._context.clock
                continue
            if use.resource.pool:
                pool = self._pools.setdefault(use.resource, Pool(use.resource))
                for _ in range(pool.missing(pipe.options.concurrency)):
                    pool.add(await self._open(use.resource))
                continue
            if use.resource not in self._shared:
                self._shared[use.resource] = await self._open(use.resource)
            lent[attribute] = self._shared[use.resource]
            vars(pipe)[attribute] = lent[attribute]
        return lent

    async def _open(self, resource: Resource[Any]) -> object:
        made = resource.make()
        if isinstance(made, AsyncIterator):
            opened: object = await anext(made)

            async def close() -> None:
                async for _ in made:
                    break

            self._closers.append((resource.name, close))
            return opened
        opened = next(made)

        def close_sync() -> None:
            next(made, None)

        self._closers.append((resource.name, close_sync))
        return opened

    def _lenders(self, pipe: BasePipe[Any, Any]) -> dict[str, Pool]:
        return {name: self._pools[use.resource] for name, use in uses_of(pipe).items() if use.resource.pool}

    # ------------------------------------------------------------------------------------------------- calls

    async def _calls(self, pipe: BasePipe[Any, Any], name: str) -> tuple[Kind, Callable[[Any], Any], bool]:
        """What kind of step it is, and its bare call."""
        if isinstance(pipe, Keep):
            return "keep", pipe.predicate, pipe.is_async
        if isinstance(pipe, Branch):
            return await self._branch(pipe, name)
        if isinstance(pipe, Route):
            return await self._route(pipe, name)
        kind: Kind = "flat" if isinstance(pipe, FlatPipe | AsyncFlatPipe) else "one"
        process = process_of(pipe)
        if pipe.options.thread:
            return kind, _in_thread(process, kind), True
        if pipe.options.in_process:
            return kind, await self._in_process(pipe, name), True
        return kind, process, isinstance(pipe, AsyncBasePipe | AsyncFlatPipe)

    async def _chain(self, pipe: BasePipe[Any, Any]) -> list[Step]:
        return [await self.step(step, step.step_name) for step in steps_of(pipe)]

    async def _branch(self, pipe: Branch[Any, Any], name: str) -> tuple[Kind, Callable[[Any], Any], bool]:
        del name
        chains = [await self._chain(part) for part in pipe.parts]
        clock = self._context.clock

        async def call(item: object) -> object:
            return tuple(results[0] for results in await interpret_all(chains, item, clock))

        waits = not self._context.blocking and any(step.how != "call" for chain in chains for step in chain)
        return "one", call if waits else lambda item: drive(call(item)), waits

    async def _route(self, pipe: Route[Any, Any], name: str) -> tuple[Kind, Callable[[Any], Any], bool]:
        del name
        arms = [(predicate, await self._chain(arm)) for predicate, arm in pipe.arms]
        otherwise = await self._chain(pipe.otherwise)
        clock = self._context.clock

        async def call(item: object) -> list[object]:
            chain = next((chain for predicate, chain in arms if predicate(item)), otherwise)
            return (await interpret_all([chain], item, clock))[0]

        chains = [*(chain for _, chain in arms), otherwise]
        waits = not self._context.blocking and any(step.how != "call" for chain in chains for step in chain)
        return "flat", call if waits else lambda item: drive(call(item)), waits

    async def _in_process(self, pipe: BasePipe[Any, Any], name: str) -> Call:
        from rivusio_core.engine.remote import PipeJob  # imports this module

        options = pipe.options
        timeout = None if options.timeout is None else Timeout(options.timeout)
        pool = ProcessPool(
            PipeJob(pipe, name),
            options.concurrency,
            timeout=timeout,
            limits=options.limits,
            clock=self._context.clock,
        )
        self._closers.append((name, pool.close))
        await pool.start()
        return pool.call

    # ------------------------------------------------------------------------------------------------ layers

    def _layered(
        self, pipe: BasePipe[Any, Any], name: str, kind: Kind, process: Callable[[Any], Any], waits: bool
    ) -> Step:
        options = pipe.options
        retry = options.retry_policy
        copies = retry is not None and retry.copy and not options.in_process  # what is sent to a process is a copy
        if copies:
            process = pristine(process)
        listed = _gives_lists(pipe)
        attempt = cast("Call", process) if listed and waits else attempt_of(kind, process, waits)
        layers = _layers(pipe, kind)
        for layer in layers:
            attempt = layer.layer(attempt, self._context.clock)
        how = _how(pipe, kind, waits, blocking=self._context.blocking)
        call = process
        if _is_whole(pipe, kind):
            call = functools.partial(_driven, attempt) if how == "call" else attempt
        return Step(name, kind, how, call, attempt, options, copies, process if goes_in_lots(pipe) else None)


_IDLE = (SyncLife.teardown, AsyncLife.teardown)


def shape_of(pipe: BasePipe[Any, Any]) -> tuple[Kind, How]:
    """The kind of step that a pipe becomes in an event loop, and how it is called there; sets nothing up."""
    if isinstance(pipe, Branch | Route):
        chains = [pipe.parts] if isinstance(pipe, Branch) else [[arm for _, arm in pipe.arms], [pipe.otherwise]]
        kind: Kind = "one" if isinstance(pipe, Branch) else "flat"
        waits = any(shape_of(step)[1] != "call" for parts in chains for part in parts for step in steps_of(part))
    else:
        kind = "keep" if isinstance(pipe, Keep) else "flat" if isinstance(pipe, FlatPipe | AsyncFlatPipe) else "one"
        waits = is_async(pipe) or pipe.options.thread or pipe.options.in_process or _borrows(pipe)
    return kind, _how(pipe, kind, waits, blocking=False)


def _how(pipe: BasePipe[Any, Any], kind: Kind, waits: bool, *, blocking: bool) -> How:  # as in `_layered`
    if not _is_whole(pipe, kind):
        return "call" if not waits else "iterate" if kind == "flat" else "await"
    return "call" if blocking or not (_layers(pipe, kind) or waits) else "await"


def _is_whole(pipe: BasePipe[Any, Any], kind: Kind) -> bool:
    """A flat step that may be tried again gives its results only when it is through, else some would come twice."""
    return bool(_layers(pipe, kind)) or (kind == "flat" and (pipe.options.retry is not None or _gives_lists(pipe)))


def _gives_lists(pipe: BasePipe[Any, Any]) -> bool:
    return pipe.options.thread or pipe.options.in_process or isinstance(pipe, Route) or _borrows(pipe)


def _borrows(pipe: BasePipe[Any, Any]) -> bool:
    return any(use.resource.pool for use in uses_of(pipe).values())


def _driven(attempt: Call, item: object) -> object:
    async def once() -> object:
        return await attempt(item)

    return drive(once())


def _layers(pipe: BasePipe[Any, Any], kind: Kind) -> Sequence[Layer]:
    """The policy layers of a pipe, innermost first; retrying is left to the step, which acts on failed items only."""
    options = pipe.options
    layers = list[Layer]()
    if options.validate:
        ports = ports_of(pipe)
        gives = {"one": ports.gives, "keep": object, "flat": GenericAlias(list, (ports.gives,))}
        layers.append(Validation(ports.takes, gives[kind]))
    if options.timeout is not None and not options.in_process:  # a pool times its answers itself
        layers.append(Timeout(options.timeout))
    if options.limiter is not None:
        layers.append(options.limiter)
    if options.bulkhead is not None:
        layers.append(options.bulkhead)
    if options.circuit is not None:
        layers.append(options.circuit)
    return layers


def _in_thread(process: Callable[[Any], Any], kind: Kind) -> Callable[[Any], Any]:
    def whole(item: object) -> object:
        return list(process(item)) if kind == "flat" else process(item)

    async def call(item: object) -> object:
        return await anyio.to_thread.run_sync(whole, item, abandon_on_cancel=True)

    return call
