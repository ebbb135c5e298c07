"""A pipe."""

from __future__ import annotations

from rivusio_core import SyncBasePipe

__all__ = ["Reverse"]


class Reverse(SyncBasePipe[str, str]):
    """Turns each text round.

    Attributes:
        upper: in capitals, too.

    Example:
        >>> Reverse(upper=True).run("abc")
        'CBA'
    """

    upper: bool = False

    def process(self, item: str) -> str:
        """The text from its end to its beginning."""
        turned = item[::-1]
        return turned.upper() if self.upper else turned
