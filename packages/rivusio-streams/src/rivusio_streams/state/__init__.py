"""Values of users as bytes and back: what keyed state, open windows and keys are kept as in checkpoints."""

from rivusio_streams.state.codec import Codec
from rivusio_streams.state.limit import StateLimit
from rivusio_streams.state.schema import Schema, schema_of
from rivusio_streams.state.spill import Spill, SpillStore
from rivusio_streams.state.upcast import Upcast

__all__ = ["Codec", "Schema", "Spill", "SpillStore", "StateLimit", "Upcast", "schema_of"]
