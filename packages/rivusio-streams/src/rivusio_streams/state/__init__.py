"""Values of users as bytes and back: what keyed state, open windows and keys are kept as in checkpoints."""

from rivusio_streams.state.codec import Codec
from rivusio_streams.state.schema import Schema, schema_of
from rivusio_streams.state.upcast import Upcast

__all__ = ["Codec", "Schema", "Upcast", "schema_of"]
