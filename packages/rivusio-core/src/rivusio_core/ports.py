"""The run-time types of pipes, and whether one pipe takes what another gives.

>>> connect("parse", Ports(str, int), "show", Ports(float, str))
Ports(takes=str, gives=str)

Type checkers see more: they are the strict half of the check. This half works from annotations where they can be
evaluated, treats everything else as `Any`, and accepts in doubt: a false refusal would be worse than a missed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import GenericAlias, NoneType
from typing import Any, Protocol, TypeVar, runtime_checkable

from rivusio_core.errors import CompositionError
from rivusio_core.function import FunctionPipe
from rivusio_core.hints.assign import assignable
from rivusio_core.hints.forms import Variables, bound_of, is_union, members, substitute, type_variables, union, variable
from rivusio_core.hints.generics import arguments_as, item_type
from rivusio_core.hints.signatures import function_types, predicate_types
from rivusio_core.hints.text import type_text
from rivusio_core.pipe import AsyncFlatPipe, BasePipe, FlatPipe

__all__ = [
    "HasPorts",
    "Ports",
    "branch_ports",
    "connect",
    "ports_of",
    "predicate_ports",
    "route_ports",
    "unknown_ports",
]


@dataclass(frozen=True)
class Ports:
    """What a pipe takes and what it gives; type variables stand for themselves, `Any` for what is not known.

    Attributes:
        takes: the type of an item.
        gives: the type of a result; of a flat pipe, of one of them.
    """

    takes: object
    gives: object

    def __repr__(self) -> str:
        return f"Ports(takes={type_text(self.takes)}, gives={type_text(self.gives)})"


@runtime_checkable
class HasPorts(Protocol):
    """A pipe that knows more about its types than its class says: pipelines, branches, shapes, wrappers."""

    def __ports__(self) -> Ports:
        """The run-time types."""
        ...


def ports_of(pipe: BasePipe[Any, Any]) -> Ports:
    """The run-time types of a pipe: of a class from its bases, of a function from its annotations.

    Example:
        >>> from rivusio_core import flat_pipe
        >>> @flat_pipe
        ... def words(line: str) -> list[str]:
        ...     return line.split()
        >>> ports_of(words)
        Ports(takes=str, gives=str)
    """
    if isinstance(pipe, HasPorts):
        return pipe.__ports__()
    if isinstance(pipe, FunctionPipe):
        takes, gives = function_types(pipe.function)
        if isinstance(pipe, FlatPipe | AsyncFlatPipe):
            gives = item_type(gives) or Any
        return Ports(takes, gives)
    found = arguments_as(getattr(pipe, "__orig_class__", type(pipe)), BasePipe)
    return Ports(*found) if found else Ports(Any, Any)


def connect(left_name: str, left: Ports, right_name: str, right: Ports) -> Ports:
    """The types of two pipes in a row, with type variables bound.

    Raises:
        CompositionError: the right one does not take what the left one gives; the message says what may help.
    """
    right = _apart(right, (*type_variables(left.takes), *type_variables(left.gives)))
    found: Variables = {}
    if not assignable(left.gives, right.takes, found):
        raise _misfit(left_name, left.gives, right_name, right.takes)
    takes, gives = _resolved(left.takes, found), _resolved(right.gives, found)
    if isinstance(takes, TypeVar) and takes not in type_variables(gives):
        takes = bound_of(takes)  # nothing that follows can say more
    return Ports(takes, gives)


def predicate_ports(predicate: Callable[..., object]) -> Ports:
    """The types of a filter: what it takes, or what its predicate narrows to."""
    takes, narrowed = predicate_types(predicate)
    if narrowed is not None or type_variables(takes):
        return Ports(takes, takes if narrowed is None else narrowed)
    item = variable("item", bound=None if takes is Any else takes)
    return Ports(item, item)


def branch_ports(parts: Sequence[tuple[str, Ports]]) -> Ports:
    """The types of pipes that all take the same item.

    Raises:
        CompositionError: no item fits all of them.
    """
    takes = _common([(name, ports.takes) for name, ports in parts], "branch")
    gives = list[object]()
    for _, ports in parts:
        found: Variables = {}
        assignable(takes, ports.takes, found)
        gives.append(_resolved(ports.gives, found))
    return Ports(takes, GenericAlias(tuple, tuple(gives)))


def route_ports(arms: Sequence[tuple[Callable[..., object], str, Ports]], otherwise: tuple[str, Ports]) -> Ports:
    """The types of pipes of which one takes the item; `arms` are predicate, name, types.

    Raises:
        CompositionError: a pipe does not take what its predicate narrows to, or no item fits all pipes.
    """
    plain, narrow = list[tuple[str, object]](), list[object]()
    for predicate, name, ports in arms:
        tested, narrowed = predicate_types(predicate)
        if narrowed is None:
            plain += [(_name(predicate), tested), (name, ports.takes)]
        else:
            connect(_name(predicate), Ports(tested, narrowed), name, ports)
            narrow.append(narrowed)
    if narrow and len(narrow) == len(arms):
        takes = union([*narrow, otherwise[1].takes])
        for index, (predicate, _, _) in enumerate(arms):
            _check_tested(predicate, union([*narrow[index:], otherwise[1].takes]))
    else:
        takes = _common([*plain, *([] if narrow else [(otherwise[0], otherwise[1].takes)])], "route")
    return Ports(takes, union([*(ports.gives for _, _, ports in arms), otherwise[1].gives]))


def _check_tested(predicate: Callable[..., object], rest: object) -> None:
    tested, _ = predicate_types(predicate)
    if not assignable(rest, tested):
        given, taken = _texts(rest, tested)
        raise CompositionError(
            f"{_name(predicate)!r} takes {taken}, but this route would give it {given}: let it take all of these",
            left="route",
            right=_name(predicate),
            gives=given,
            takes=taken,
        )


def unknown_ports(pipe: BasePipe[Any, Any]) -> list[str]:
    """The ports that are treated as `Any`, so that nothing is checked there: `["parse takes", "parse gives"]`.

    They belong to functions without annotations, or to annotations that cannot be evaluated at run time (classes
    inside functions, names imported under `if TYPE_CHECKING`).
    """
    from rivusio_core.branch import Branch  # all of them import this module
    from rivusio_core.pipeline import Pipeline
    from rivusio_core.route import Route

    if isinstance(pipe, Pipeline):
        return [each for step in pipe.steps for each in unknown_ports(step)]
    if isinstance(pipe, Branch | Route):
        return [each for part in pipe.parts for each in unknown_ports(part)]
    ports = ports_of(pipe)
    sides = (("takes", ports.takes), ("gives", ports.gives))
    return [f"{pipe.step_name} {side}" for side, form in sides if form is Any]


def _common(sides: Sequence[tuple[str, object]], what: str) -> object:
    """The type of the items that all sides take."""
    first, common = sides[0]
    for name, takes in sides[1:]:
        narrower = _meet(common, takes)
        if narrower is None:
            one, two = _texts(common, takes)
            raise CompositionError(
                f"{first!r} takes {one} but {name!r} takes {two}: no item fits both sides of this {what}",
                left=first, right=name, gives=one, takes=two,
            )  # fmt: skip
        if narrower is not common:
            first, common = name, narrower
    return common


def _meet(one: object, two: object) -> object | None:
    if one is Any:  # says nothing: the other side does
        return two
    if assignable(one, two):
        return one
    if assignable(two, one):
        return two
    both = [each for each in members(one) if assignable(each, two)]
    both += [each for each in members(two) if assignable(each, one)]
    return union(both) if both else None


def _apart(ports: Ports, taken: tuple[TypeVar, ...]) -> Ports:
    """The same ports without the type variables of the other side: their `T` is another one than ours."""
    variables = {*type_variables(ports.takes), *type_variables(ports.gives)}.intersection(taken)
    fresh: Variables = {}
    for each in variables:
        fresh[each] = variable(each.__name__, *each.__constraints__, bound=each.__bound__)
    return Ports(substitute(ports.takes, fresh), substitute(ports.gives, fresh)) if fresh else ports


def _resolved(form: object, found: Variables) -> object:
    for _ in range(len(found)):  # what a variable stands for may contain others
        form = substitute(form, found)
    return form


def _misfit(left: str, gives: object, right: str, takes: object) -> CompositionError:
    given, taken = _texts(gives, takes)
    message = f"{left!r} gives {given} but {right!r} takes {taken}: in {left} >> {right}. "
    message += _advice(left, gives, right, takes, given, taken)
    return CompositionError(message, left=left, right=right, gives=given, takes=taken)


def _advice(left: str, gives: object, right: str, takes: object, given: str, taken: str) -> str:
    if is_union(gives):
        parts = members(gives)
        rest = union(each for each in parts if each is not NoneType)
        if NoneType in parts and assignable(rest, takes):
            return f"Leave out what is missing: {left} >> not_none() >> {right}"
        if any(assignable(each, takes) for each in parts):
            return f"Keep only what fits, with a predicate that returns TypeIs[{taken}]: {left} >> keep(...) >> {right}"
    item = item_type(gives)
    if gives is not str and item not in (None, Any) and assignable(item, takes):
        return f"Give its members one by one: {left} >> unbatch() >> {right}"
    if assignable(GenericAlias(list, (gives,)), takes):
        return f"Collect items into lists: {left} >> batch(n) >> {right}"
    return f"Put a pipe between that turns {given} into {taken}"


def _texts(one: object, two: object) -> tuple[str, str]:
    texts = type_text(one), type_text(two)
    return texts if texts[0] != texts[1] else (type_text(one, modules=True), type_text(two, modules=True))


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)
