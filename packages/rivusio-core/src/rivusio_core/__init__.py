"""Rivusio's core: typed pipes, composed with `>>` into pipelines, run over one item, many items, or a stream."""

from rivusio_core.branch import branch
from rivusio_core.clock import Clock, SystemClock
from rivusio_core.dead_letter import DeadLetter
from rivusio_core.duration import Duration
from rivusio_core.engine.profiler import Profiler
from rivusio_core.errors import (
    BadRecord,
    BulkheadFull,
    CardinalityError,
    CheckpointCorrupt,
    CheckpointError,
    CheckpointMismatch,
    CheckpointWriteError,
    CircuitOpen,
    CompositionError,
    ConfigError,
    DeadLetterError,
    DefinitionError,
    DrainTimeout,
    ErrorBudgetExceeded,
    Fatal,
    Fault,
    GuaranteeError,
    ItemRefused,
    LimitExceeded,
    MemoryLimitExceeded,
    PipeCrashed,
    PipeError,
    PipeTimeout,
    PipeTypeError,
    PluginConflictError,
    PluginError,
    PluginLoadError,
    PluginTypeError,
    PluginVersionError,
    RetriesExhausted,
    RivusioError,
    RunError,
    SinkError,
    SourceError,
    StateError,
    StateLimitExceeded,
    Transient,
    UnknownKindError,
)
from rivusio_core.function import FunctionPipe, flat_pipe, pipe
from rivusio_core.listener import Listener, RunInfo, Tally
from rivusio_core.opened import Opened
from rivusio_core.parallel import Parallel
from rivusio_core.pipe import AsyncBasePipe, AsyncFlatPipe, BasePipe, FlatPipe, SyncBasePipe
from rivusio_core.pipeline import Pipeline
from rivusio_core.policy.bulkhead import Bulkhead
from rivusio_core.policy.circuit import CircuitBreaker
from rivusio_core.policy.limits import Limits
from rivusio_core.policy.options import PipeOptions
from rivusio_core.policy.rate_limit import RateLimit
from rivusio_core.policy.retry import Retry
from rivusio_core.profile import Profile, StepProfile
from rivusio_core.resource import Resource, Use, resource
from rivusio_core.route import route
from rivusio_core.run_clock import run_clock
from rivusio_core.run_settings import RunSettings
from rivusio_core.shapes import batch, keep, not_none, unbatch
from rivusio_core.state import state

__all__ = [
    "AsyncBasePipe",
    "AsyncFlatPipe",
    "BadRecord",
    "BasePipe",
    "Bulkhead",
    "BulkheadFull",
    "CardinalityError",
    "CheckpointCorrupt",
    "CheckpointError",
    "CheckpointMismatch",
    "CheckpointWriteError",
    "CircuitBreaker",
    "CircuitOpen",
    "Clock",
    "CompositionError",
    "ConfigError",
    "DeadLetter",
    "DeadLetterError",
    "DefinitionError",
    "DrainTimeout",
    "Duration",
    "ErrorBudgetExceeded",
    "Fatal",
    "Fault",
    "FlatPipe",
    "FunctionPipe",
    "GuaranteeError",
    "ItemRefused",
    "LimitExceeded",
    "Limits",
    "Listener",
    "MemoryLimitExceeded",
    "Opened",
    "Parallel",
    "PipeCrashed",
    "PipeError",
    "PipeOptions",
    "PipeTimeout",
    "PipeTypeError",
    "Pipeline",
    "PluginConflictError",
    "PluginError",
    "PluginLoadError",
    "PluginTypeError",
    "PluginVersionError",
    "Profile",
    "Profiler",
    "RateLimit",
    "Resource",
    "RetriesExhausted",
    "Retry",
    "RivusioError",
    "RunError",
    "RunInfo",
    "RunSettings",
    "SinkError",
    "SourceError",
    "StateError",
    "StateLimitExceeded",
    "StepProfile",
    "SyncBasePipe",
    "SystemClock",
    "Tally",
    "Transient",
    "UnknownKindError",
    "Use",
    "batch",
    "branch",
    "flat_pipe",
    "keep",
    "not_none",
    "pipe",
    "resource",
    "route",
    "run_clock",
    "state",
    "unbatch",
]
