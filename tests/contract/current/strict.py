"""What an answer of the API gets wrong, by the types of whop-sdk 2.6.0.

That client takes anything: unknown fields, unknown values, and an empty object for a missing one
are accepted. Here nothing is: a field that the model does not have, one that it requires and that
is missing, a value of another type and an unknown value of an enumeration are each named.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import pydantic

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def faults(kind: Any, value: Any, place: str = "") -> Iterator[str]:
    """Everything in a value of an answer that is not as its type has it, with where it is."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return
    if origin is typing.Annotated:
        yield from faults(inside[0], value, place)
    elif origin in (typing.Union, types.UnionType):
        yield from _of_union(inside, value, place)
    elif origin is typing.Literal:
        if value not in inside:
            yield f"{place}: unknown value {value!r}"
    elif origin in (list, tuple) or inspect.isabstract(origin):
        if not isinstance(value, list):
            yield f"{place}: no list but {value!r}"
            return
        for number, each in enumerate(value):
            yield from faults(inside[0], each, f"{place}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{place}: no object but {value!r}"
    elif inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel):
        yield from _of_model(kind, value, place)
    elif not _is(kind, value):
        yield f"{place}: no {kind.__name__} but {value!r}"


def _of_union(kinds: tuple[Any, ...], value: Any, place: str) -> Iterator[str]:
    if value is None and type(None) in kinds:
        return
    literals = [kind for kind in kinds if typing.get_origin(kind) is typing.Literal]
    if literals and Any in kinds:
        # An enumeration: the client's own type lets anything through.
        kinds = tuple(literals)
    told = [[*faults(kind, value, place)] for kind in kinds if kind is not type(None)]
    if all(told):
        yield from min(told, key=len)


def _of_model(model: type[pydantic.BaseModel], value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: no {model.__name__} but {value!r}"
        return
    hints = _hints(model)
    known = {field.alias or name: name for name, field in model.model_fields.items()}
    for name in value.keys() - known.keys():
        yield f"{place}.{name}: not in {model.__name__}"
    for alias, name in known.items():
        if alias in value:
            yield from faults(hints[name], value[alias], f"{place}.{alias}")
        elif model.model_fields[name].is_required():
            yield f"{place}.{alias}: missing, {model.__name__} requires it"


@functools.cache
def _hints(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return typing.get_type_hints(model, include_extras=True)


def _is(kind: Any, value: Any) -> bool:
    if kind is dt.datetime:
        return isinstance(value, str) and _TIME.fullmatch(value) is not None
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def fields_of(kind: Any) -> set[str]:
    """The names that objects of a type can have; of a union, those of any of its types."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return fields_of(inside[0])
    if origin in (typing.Union, types.UnionType):
        return set().union(*(fields_of(each) for each in inside))
    if inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel):
        return {field.alias or name for name, field in kind.model_fields.items()}
    return set()
