"""TOML files behind limits: size, nesting and dotted keys are bounded before the parser sees them.

The standard parser takes 10 s and 1.5 GB for one dotted key of 40 KB, and recurses once per bracket.
"""

from __future__ import annotations

import re
from pathlib import Path

from rivusio_core.errors import ConfigError, Fault

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_KEY_PARTS", "parse_toml", "read_text"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_KEY_PARTS = 32

# Every alternative takes what it began, closed or not, so that reading takes time in proportion to the length.
_TOKEN = re.compile(
    r'''(?P<text>"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*+(?:"{3,5}|\\?\Z)'''
    r"""|'''(?:[^']|'{1,2}(?!'))*+(?:'{3,5}|\Z)"""
    r"""|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|[A-Za-z0-9_-]++|[ \t]++)"""
    r"|(?P<comment>\#[^\n]*+)|(?P<dot>\.)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<other>[\s\S])"
)


def read_text(path: Path, where: str = "") -> str:
    """The text of a small regular file.

    Args:
        path: of the file.
        where: what to call it in messages; its path by default.

    Raises:
        ConfigError: it is too large, no regular file, not UTF-8, or cannot be read.
    """
    where = where or str(path)
    try:
        if not path.is_file():  # a pipe or device could block for ever
            what = "is no regular file" if path.exists() else "there is no such file"
            raise ConfigError(faults=[Fault(what, where=where)])
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(faults=[Fault(f"cannot be read: {error.strerror}", where=where)]) from None
    if len(data) > MAX_BYTES:
        raise ConfigError(faults=[Fault(f"is larger than {MAX_BYTES >> 20} MiB", where=where)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(faults=[Fault(f"is not UTF-8 (byte {error.start})", where=where)]) from None


def parse_toml(text: str, where: str) -> dict[str, object]:
    r"""The content of a TOML text of at most `MAX_BYTES`.

    Args:
        text: of the file.
        where: the file, for messages.

    Raises:
        ConfigError: it is no TOML, has a key twice, or is nested too deeply.

    Example:
        >>> parse_toml("[monitoring]\nport = 9464", "rivusio.toml")
        {'monitoring': {'port': 9464}}
    """
    import tomllib  # only where there is a file

    _check_limits(text, where)
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(faults=[Fault(f"is no valid TOML: {error}", where=where)]) from None


def _check_limits(text: str, where: str) -> None:
    dots = depth = 0
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "text" | "comment":
                continue
            case "dot":
                dots += 1
            case "open":
                dots, depth = 0, depth + 1
            case "close":
                dots, depth = 0, depth - 1
            case _:
                dots = 0
        if dots >= MAX_KEY_PARTS or depth > MAX_DEPTH:
            line = text.count("\n", 0, token.start()) + 1
            what = f"nested over {MAX_DEPTH} deep" if depth > MAX_DEPTH else f"a key of more than {MAX_KEY_PARTS} parts"
            raise ConfigError(faults=[Fault(what, where=f"{where}:{line}")])
