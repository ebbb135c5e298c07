"""Run time, mypy and pyright judge the same pairs of types alike: may the first go where the second is taken?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rivusio_core.hints.assign import assignable

HEADER = """
from __future__ import annotations
from collections.abc import *
from typing import *
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence
from pydantic import BaseModel

T = TypeVar("T")
Co = TypeVar("Co", covariant=True)
Contra = TypeVar("Contra", contravariant=True)
class Animal: ...
class Dog(Animal): ...
class Box(Generic[T]): ...
class Source(Generic[Co]): ...
class Sink(Generic[Contra]): ...
class DogBox(Box[Dog]): ...
class Dogs(list[Dog]): ...
class Page(BaseModel, Generic[T]): ...
class Row(TypedDict):
    key: int
class Wider(TypedDict):
    key: int
    name: str
class Couple(NamedTuple):
    first: int
    second: str
UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)
@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...
class Door:
    def close(self) -> None: ...
class Handler:
    def __call__(self, item: int) -> str: return ""
"""

YES = """
bool -> int; int -> float; int -> complex; float -> complex; bool -> float; None -> object; int -> int | str
None -> int | None; int | str -> str | int | None; Dog -> Animal; Dog | None -> Animal | None; Any -> int; int -> Any
list[Dog] -> Sequence[Animal]; list[int] -> Iterable[float]; list[Any] -> list[int]; Dogs -> list[Dog]
Dogs -> Iterable[Animal]; dict[str, Dog] -> Mapping[str, Animal]; dict[str, int] -> Iterable[str]
tuple[int, str] -> tuple[float, str]; tuple[int, int] -> tuple[int, ...]; tuple[int, str] -> Sequence[int | str]
tuple[()] -> tuple[int, ...]; tuple[bool, ...] -> tuple[int, ...]; str -> Sequence[str]; bytes -> Iterable[int]
type[Dog] -> type[Animal]; Literal["a"] -> str; Literal["a"] -> Literal["a", "b"]; Literal[True] -> bool
Literal["a", "b"] -> Literal["b"] | Literal["a"]; UserId -> int; AdminId -> UserId; AdminId -> float
Source[Dog] -> Source[Animal]; Sink[Animal] -> Sink[Dog]; Box[Dog] -> Box[Dog]; DogBox -> Box[Dog]
Box[Any] -> Box[int]; Page[int] -> Page[int]; Page[int] -> BaseModel; Wider -> Row; Row -> Mapping[str, object]
Door -> Closes; Callable[[Animal], Dog] -> Callable[[Dog], Animal]; Callable[..., int] -> Callable[[int], int]
Handler -> Callable[[int], str]; Iterator[int] -> Iterable[int]; frozenset[Dog] -> frozenset[Animal]
list[list[int]] -> Sequence[Sequence[float]]; Couple -> tuple[int, str]; Annotated[int, 1] -> float
Generator[int, None, None] -> Iterator[int]; Callable[[], None] -> Callable[[], object]; range -> Sequence[int]
type[Dog] -> Callable[[int], Dog]
"""

NO = """
object -> int; float -> int; complex -> float; int -> bool; int -> str; int -> None; None -> int; int | None -> int
int | str -> int; Animal -> Dog; Animal | None -> Dog | None; list[Dog] -> list[Animal]; list[int] -> list[float]
list[int] -> Sequence[str]; list[int] -> set[int]; Sequence[int] -> list[int]; Dogs -> list[Animal]
Dogs -> Iterable[str]; dict[str, int] -> dict[str, float]; dict[str, int] -> Mapping[int, int]
dict[str, int] -> Iterable[int]; tuple[int, str] -> tuple[int]; tuple[int, str] -> tuple[str, int]
tuple[int, ...] -> tuple[int, int]; tuple[int, str] -> Sequence[int]; str -> Sequence[int]; type[Animal] -> type[Dog]
str -> Literal["a"]; Literal["c"] -> Literal["a", "b"]; Literal["a"] -> int; int -> UserId; UserId -> AdminId
Source[Animal] -> Source[Dog]; Sink[Dog] -> Sink[Animal]; Box[Dog] -> Box[Animal]; DogBox -> Box[Animal]
Page[int] -> Page[str]; Row -> Wider; Row -> dict[str, int]; dict[str, int] -> Row; Row -> Mapping[str, int]
Animal -> Closes; Callable[[Dog], Dog] -> Callable[[Animal], Dog]; Callable[[int], str] -> Callable[[int], int]
Callable[[], int] -> Callable[[int], int]; int -> Callable[[], int]; list[int] -> int; int -> list[int]
Iterable[int] -> Iterator[int]; bytes -> str; list[list[int]] -> list[list[float]]; bytearray -> bytes
Box[int | str] -> Box[int]; tuple[int | None, str] -> tuple[int, str]; Generator[int, None, None] -> Iterator[str]
"""

LENIENT = """
Handler -> Callable[[str], str]; Couple -> tuple[str, int]
"""
"""Checkers refuse these; run time does not look that closely."""


def pairs(text: str) -> list[tuple[str, str]]:
    found = [each.strip().split(" -> ") for line in text.splitlines() if line for each in line.split(";")]
    return [(source, target) for source, target in found]


@pytest.fixture(scope="module")
def names() -> dict[str, object]:
    module = ModuleType("pairs")
    sys.modules["pairs"] = module  # annotations are looked up there
    exec(HEADER, vars(module))
    return vars(module)


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [(*pair, True) for pair in pairs(YES + LENIENT)] + [(*pair, False) for pair in pairs(NO)],
)
def test_run_time(source: str, target: str, fits: bool, names: dict[str, object]) -> None:
    assert assignable(eval(source, names), eval(target, names)) is fits


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_checkers(checker: str, tmp_path: Path) -> None:
    pytest.importorskip(checker)
    lines = HEADER.splitlines()
    verdicts: dict[int, tuple[str, bool]] = {}
    for fits, text in ((True, YES), (False, NO + LENIENT)):
        for source, target in pairs(text):
            lines.append(f"def f{len(lines)}(value: {source}) -> {target}: return value")
            verdicts[len(lines)] = f"{source} -> {target}", fits
    path = tmp_path / "pairs_to_check.py"
    path.write_text("\n".join(lines))
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    refused = mypy(path) if checker == "mypy" else pyright(path)
    wrong = [text for line, (text, fits) in verdicts.items() if (line in refused) is fits]
    assert not wrong


def mypy(path: Path) -> set[int]:
    text = run("mypy", "--strict", "--config-file", os.devnull, "--cache-dir", os.devnull, str(path))
    return {int(line) for line in re.findall(r":(\d+): error: (?!Returning Any)", text)}


def pyright(path: Path) -> set[int]:
    found = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(path.parent)))
    return {
        each["range"]["start"]["line"] + 1
        for each in found["generalDiagnostics"]
        if each.get("rule") == "reportReturnType"
    }


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False, cwd=Path(command[-1]).parent
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout
