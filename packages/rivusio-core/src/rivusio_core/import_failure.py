"""What to tell of a module that could not be imported: the place in it, not the machinery around it."""

from __future__ import annotations

from dataclasses import dataclass

from rivusio_core.errors import RivusioError
from rivusio_core.frames import users_frame

__all__ = ["ImportFailure"]

_TELLING = (ImportError, SyntaxError, NameError, AttributeError, TypeError, RivusioError)
"""Raised while importing, the text of these tells names and types; it quotes neither items nor settings."""


@dataclass(frozen=True)
class ImportFailure:
    """Type, place and (where it is telling and harmless) text of an exception raised by an import.

    Attributes:
        kind: name of the exception's type.
        file, line: the innermost place in the user's or plugin's code; "" and 0 if there is none.
        code: the text of that line.
        text: the exception's text, or "" where it might quote a value.
    """

    kind: str
    file: str
    line: int
    code: str
    text: str

    @classmethod
    def of(cls, error: BaseException) -> ImportFailure:
        """Read it off the exception, whose traceback begins in Rivusio."""
        kind = type(error).__name__
        text = str(error) if isinstance(error, _TELLING) else ""
        if isinstance(error, SyntaxError):
            line = (error.text or "").strip()
            return cls(kind, error.filename or "", error.lineno or 0, line, error.msg)
        inner = users_frame(error)
        if inner is None:
            return cls(kind, "", 0, "", text)
        return cls(kind, inner.filename, inner.lineno or 0, inner.line or "", text)

    def __str__(self) -> str:
        place = f" at {self.file}:{self.line}" if self.file else ""
        return f"{self.kind}{place}" + (f": {self.text}" if self.text else "")
