"""Which names may become label values. Every pair of names that Prometheus has ever seen costs it memory for good."""

from __future__ import annotations

__all__ = ["OTHER", "Labels", "label"]

OTHER = "other"
"""The label value that stands for all names beyond the limit."""

_LONGEST = 120


def label(name: str) -> str:
    """The name as a label value: at most 120 characters, and always encodable (a lone surrogate would fail a scrape).

    Example:
        >>> label("parse"), label("a" * 500) == "a" * 120
        ('parse', True)
    """
    name = name[:_LONGEST]
    return name if name.isascii() else name.encode("utf-8", "replace").decode("utf-8")


class Labels:
    """Admits at most `limit` runs, and at most `limit` pairs of run and name in all. Not thread-safe.

    Attributes:
        refused: how often a name was sent to `OTHER`.

    Example:
        >>> labels = Labels(limit=2)
        >>> labels.run("etl")
        'etl'
        >>> [labels.name("etl", step) for step in ("parse", "enrich", "store", "parse")]
        ['parse', 'enrich', 'other', 'parse']
        >>> labels.refused
        1
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        self._runs: dict[str, set[str]] = {}
        self._pairs = 0

    def run(self, name: str) -> str:
        """The label of a run."""
        name = label(name)
        if name not in self._runs:
            # OTHER takes no place of its own, so that there is always one to send the rest to
            if name != OTHER and len(self._runs.keys() - {OTHER}) >= self.limit:
                self.refused += 1
                name = OTHER
            self._runs.setdefault(name, set())
        return name

    def name(self, run: str, name: str) -> str:
        """The label of a step or channel of a run, which has been admitted before."""
        name = label(name)
        known = self._runs[run]
        if name in known or name == OTHER:
            return name
        if self._pairs >= self.limit:
            self.refused += 1
            return OTHER
        known.add(name)
        self._pairs += 1
        return name

    def forget(self, run: str) -> None:
        """Give back the places of a run and its names."""
        self._pairs -= len(self._runs.pop(run, ()))
