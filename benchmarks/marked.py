"""What is made anew in a page that is else written by hand."""

from __future__ import annotations

__all__ = ["between"]


def between(page: str, begin: str, end: str, text: str) -> str:
    """The page with this text between two marks.

    Raises:
        ValueError: it has no such marks.
    """
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no {begin} ... {end}")
    return f"{before}{begin}\n\n{text}\n{end}{after}"
