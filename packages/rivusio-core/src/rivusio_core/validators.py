"""The validator behind a method of a pydantic model: the same, without a Python call around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

__all__ = ["direct"]

_VALIDATORS = {"model_validate_json": "validate_json", "model_validate": "validate_python"}


def direct(function: Callable[..., Any]) -> Callable[..., Any]:
    """What to call with an item and nothing else in place of a function.

    Args:
        function: returned as it is, unless it is a method of a model for validating which the model has not overridden.

    Example:
        >>> class Order(BaseModel):
        ...     user: str
        >>> direct(Order.model_validate_json)('{"user": "ann"}'), direct(len) is len
        (Order(user='ann'), True)
    """
    model: object = getattr(function, "__self__", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel) and model.__pydantic_complete__):
        return function
    own: object = getattr(function, "__func__", None)
    for name, validator in _VALIDATORS.items():
        if own is getattr(BaseModel, name).__func__:
            found: Callable[..., Any] = getattr(model.__pydantic_validator__, validator)
            return found
    return function
