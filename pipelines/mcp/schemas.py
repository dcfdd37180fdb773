"""JSON schemas of the catalogue's rows."""

from __future__ import annotations

from collections.abc import Iterable

from whop_actions.catalogue import Action, Parameter, Rule, Type

from .tool import Row, arguments

_TYPES: dict[Type, Row] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "object": {"type": "object"},
    "[string]": {"type": "array", "items": {"type": "string"}},
    "[object]": {"type": "array", "items": {"type": "object"}},
}

ANSWER: Row = {
    "type": "object",
    "properties": {
        "data": {"type": "object", "description": "What Whop sent; empty when it failed."},
        "error": {"type": ["string", "null"], "description": "Why it failed."},
        "successful": {"type": "boolean"},
    },
    "required": ["data", "error", "successful"],
    "additionalProperties": False,
}
"""What every action answers."""


def schema_of(action: Action, takes_default: Iterable[str], further: dict[str, Row]) -> Row:
    """The JSON schema of an action's parameters.

    Args:
        action: the row.
        takes_default: parameters that need not be given, because a setting stands for them.
        further: properties beside the row's own.
    """
    properties = {each.name: _property(each, action) for each in action.parameters}
    required = [each.name for each in action.parameters if each.required]
    schema = arguments({**properties, **further}, *required)
    defaults = set(takes_default)
    rules = [
        part
        for rule in action.rules
        for part in _rule(rule, needed=not defaults & {*rule.names}, of=action)
    ]
    return {**schema, "allOf": rules} if rules else schema


def _property(parameter: Parameter, action: Action) -> Row:
    """One parameter: null beside its type where null clears the field."""
    text = f"{parameter.text}{_on_current(parameter.name, action)}"
    shape = {**_TYPES[parameter.type], "description": text}
    if parameter.enum:
        shape["enum"] = [*parameter.enum, *([None] if parameter.nullable else [])]
    if parameter.nullable:
        shape["type"] = [shape["type"], "null"]
    return shape


def _on_current(name: str, action: Action) -> str:
    """What Whop's Current surface does not take, in words.

    Not in the schema: which surface answers is a setting, and settings are read when Whop is asked.
    """
    there = action.current
    if name in there.gone:
        return " Not on Whop's Current surface."
    if name in there.always:
        return f" On Whop's Current surface always {str(there.always[name]).lower()}."
    one = " On Whop's Current surface one value." if name in there.one else ""
    none = [value for value, means in there.values.get(name, {}).items() if means is None]
    return one + (f" Not on Whop's Current surface: {', '.join(none)}." if none else "")


def _rule(rule: Rule, *, needed: bool, of: Action) -> list[Row]:
    """What a rule says of which parameters are there."""
    given = [{"required": [name]} for name in rule.names]
    parts: list[Row] = []
    if rule.least and needed:
        parts.append({"anyOf": given} if len(given) > 1 else given[0])
    if rule.most == 1:
        parts += [
            {"not": {"required": [one, other]}}
            for place, one in enumerate(rule.names)
            for other in rule.names[place + 1 :]
        ]
    elif rule.most is not None:
        raise NotImplementedError(f"{of.name}: a rule of at most {rule.most} has no schema yet")
    return parts
