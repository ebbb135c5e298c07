"""Lookup joins: asking something outside about the key of each item."""

from rivusio_streams.lookups.batched import Batched
from rivusio_streams.lookups.settings import LookupSettings

__all__ = ["Batched", "LookupSettings"]
