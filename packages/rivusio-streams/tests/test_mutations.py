"""The planted bugs of `mutations` fit the sources. Whether tests find them is asked by nox: `nox -s mutations`."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutations.mutations import MUTATIONS, Mutation

import rivusio_streams

SOURCES = Path(rivusio_streams.__file__).parent


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_each_bug_has_its_place(mutation: Mutation) -> None:
    text = (SOURCES / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    assert mutation.new != mutation.old
    changed = text.replace(mutation.old, mutation.new)
    compile(changed, mutation.file, "exec")


def test_they_have_names_of_their_own() -> None:
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS) >= 30
