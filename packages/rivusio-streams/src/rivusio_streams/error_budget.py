"""How many items may fail before the run does."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import cast

from rivusio_core.duration import Duration, microseconds
from rivusio_core.errors import ConfigError, Fault

__all__ = ["ErrorBudget"]

_TEXT = re.compile(r"(?P<percent>\d+(?:\.\d+)?)\s*%\s+in\s+(?P<within>\S+?)(?:,?\s+at\s+least\s+(?P<least>\d+))?")
_LONGEST_TEXT = 64


@dataclass(frozen=True)
class ErrorBudget:
    """How many items may be skipped or become dead letters. A run that has more ends with `ErrorBudgetExceeded`.

    One bad item is an accident; when many fail, something is wrong with all of them, and it is better to stop than to
    go through the input. What counts is the time that just passed, by the clock of the run and not by event time.

    Args:
        share: of the items that sources read in that time, above 0 and at most 1. An item that becomes several of which
            several fail counts as often; there are never more read than failed.
        within: the time.
        at_least: items that must have been read (or have failed) in it before the share says anything.

    Raises:
        ConfigError: listing every argument that is wrong.

    Example:
        >>> ErrorBudget(share=0.01, within="5m") == ErrorBudget.parse("1% in 5m")
        True
        >>> str(ErrorBudget.parse("0.5% in 1h, at least 2000"))
        '0.5% in 1h, at least 2000'
    """

    share: float = 0.01
    within: Duration = "5m"
    _: KW_ONLY
    at_least: int = 100

    def __post_init__(self) -> None:
        faults = list[Fault]()
        share, least = cast("object", self.share), cast("object", self.at_least)  # callers may be untyped
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            faults.append(Fault("must be above 0 and at most 1; 0.01 is one in a hundred", "share"))
        try:
            if microseconds(self.within, "within") <= 0:
                faults.append(Fault("must be longer than 0", "within"))
        except ConfigError as error:
            faults.append(Fault(str(error).removeprefix("within: "), "within"))
        if isinstance(least, bool) or not isinstance(least, int) or least < 1:
            faults.append(Fault("must be a whole number, at least 1", "at_least"))
        if faults:
            raise ConfigError("ErrorBudget", faults=faults)

    @staticmethod
    def parse(text: str) -> ErrorBudget:
        """Read `"1% in 5m"` or `"1% in 5m, at least 100"`.

        Raises:
            ConfigError: it is written in another way.
        """
        found = _TEXT.fullmatch(text.strip()) if len(text) <= _LONGEST_TEXT else None
        if found is None:
            raise ConfigError(f"{text[:_LONGEST_TEXT]!r} is no error budget; write it like '1% in 5m, at least 100'")
        least = {} if found["least"] is None else {"at_least": int(found["least"])}
        return ErrorBudget(float(found["percent"]) / 100, found["within"], **least)

    def __str__(self) -> str:
        return f"{self.share * 100:.6g}% in {self.within}, at least {self.at_least}"
