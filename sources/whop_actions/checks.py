"""Finds what is wrong with a call before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from whop_source.client import Row

from .catalogue import Action, BadParameter, Parameter, Rule

LONGEST_TOKEN = timedelta(hours=3)
"""How far ahead an access token may expire: the catalogue's limit, and Whop's."""


def _wrong(action: Action, says: str) -> BadParameter:
    return BadParameter(f"{action.short_name}: {says}")


def checked(action: Action, given: Mapping[str, Any]) -> Row:
    """The parameters as they are sent; none is unknown, missing, or of a wrong type or value."""
    values: Row = {}
    for name, value in given.items():
        parameter = action.parameter(name)
        if parameter is None:
            takes = ", ".join(each.name for each in action.parameters)
            raise _wrong(action, f"there is no parameter {name}; it takes {takes}")
        if value is not None:
            values[name] = _value(action, parameter, value)
        elif parameter.nullable:
            values[name] = None
        elif action.method == "PATCH":
            raise _wrong(action, f"{name} cannot be null")
    for parameter in action.parameters:
        if parameter.required and not values.get(parameter.name):
            raise _wrong(action, f"{parameter.name} is missing")
    # Whop's paths are built from ids: these two would lead elsewhere.
    if values.get("id") in (".", ".."):
        raise _wrong(action, f"id cannot be {values['id']!r}")
    return values


_IS_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    # A bool is an int to Python, and a price of NaN is no JSON.
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "[string]": lambda value: (
        isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    ),
    "[object]": lambda value: (
        isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value)
    ),
}

_TYPE_WORDS: Mapping[str, str] = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "datetime": "a time in ISO 8601, such as 2026-01-15T09:00:00Z",
    "object": "a JSON object",
    "[string]": "a list of texts",
    "[object]": "a list of JSON objects",
}


def _value(action: Action, parameter: Parameter, value: Any) -> Any:
    """The value as it is sent: times are UTC texts to the millisecond, as Whop writes them."""
    if parameter.type == "datetime":
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
            return text.replace("+00:00", "Z")
        except (TypeError, ValueError, OverflowError):
            pass
    elif _IS_TYPE[parameter.type](value):
        if parameter.enum and value not in parameter.enum:
            raise _wrong(
                action, f"{parameter.name} can be {', '.join(parameter.enum)}, not {value!r}"
            )
        return list(value) if isinstance(value, tuple) else value
    raise _wrong(action, f"{parameter.name} must be {_TYPE_WORDS[parameter.type]}, not {value!r}")


def on_current(action: Action, values: Row) -> Row:
    """The parameters as Whop's Current surface takes them, which has some otherwise."""
    there = action.current

    def no(says: str) -> BadParameter:
        return _wrong(
            action,
            f"{says} on Whop's Current surface, which SOURCES__WHOP__API_VERSION asks for",
        )

    found: Row = {}
    for name, value in values.items():
        if name in there.gone:
            raise no(f"there is no {name}")
        if name in there.always:
            if value != there.always[name]:
                raise no(f"{name} is always {str(there.always[name]).lower()}")
            continue
        means = there.values.get(name, {})
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and means.get(item, item) is None:
                raise no(f"{name} cannot be {item}")
        if isinstance(value, str):
            value = means.get(value, value)
        elif name in there.one:
            if len(value) != 1:
                raise no(f"{name} takes one value")
            (value,) = value
        found[there.names.get(name, name)] = value
    return found


def takes_default(action: Action, rule: Rule) -> bool:
    """Whether the configured company is what is meant when nothing of the rule is given.

    Not for a change: whose token is made is to be said, not guessed.
    """
    return rule.least > 0 and "company_id" in rule.names and not action.changes


def check_rule(action: Action, rule: Rule, values: Row) -> None:
    """Refuse too few or too many of the parameters of a rule."""
    given = [name for name in rule.names if name in values]
    if len(given) < rule.least:
        names = rule.names[0] if len(rule.names) == 1 else f"one of {', '.join(rule.names)}"
        setting = ", or set SOURCES__WHOP__COMPANY_ID" if takes_default(action, rule) else ""
        raise _wrong(action, f"give {names}{setting}")
    if rule.most is not None and len(given) > rule.most:
        raise _wrong(action, f"give {' or '.join(rule.names)}, not both")


def check_end(action: Action, expires_at: datetime, now: datetime) -> None:
    """Refuse an end of a token that is past, or further ahead than Whop allows."""
    if expires_at <= now:
        raise _wrong(action, f"expires_at is in the past: it is {now:%Y-%m-%dT%H:%M:%SZ}")
    if expires_at - now > LONGEST_TOKEN:
        raise _wrong(
            action, f"expires_at is more than 3 hours ahead: it is {now:%Y-%m-%dT%H:%M:%SZ}"
        )


def check_all_pages(action: Action, values: Row) -> None:
    """Refuse to read what is no list, or from the back, to its end."""
    if not action.lists:
        raise _wrong(action, "all pages can be read of a list only")
    for name in ("last", "before"):
        if name in values:
            raise _wrong(action, f"leave out {name}: all pages are read from the front")


def check_upload(action: Action, upload: Path) -> None:
    """Refuse a file that cannot be read, or an action that takes none."""
    if action.name != "WHOP_CREATE_FILE":
        raise _wrong(action, "path is for create-file only")
    try:
        upload.open("rb").close()
    except OSError as error:
        raise _wrong(action, f"path cannot be read: {upload}: {error.strerror}") from None
