"""A plugin for Rivusio, to copy."""

from rivusio_acme.reverse import Reverse
from rivusio_acme.totals import Totals
from rivusio_acme.words import Words

__all__ = ["Reverse", "Totals", "Words"]
