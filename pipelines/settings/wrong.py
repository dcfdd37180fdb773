"""What is said of a setting that is wrong, missing or unreadable: one line that names it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigProviderException,
    ConfigValueCannotBeCoercedException,
)
from dlt.common.configuration.providers.toml import TomlProviderReadException

from ..errors import SettingError


def name_of(field: str) -> str:
    """How a setting is called in the environment."""
    return field.replace(".", "__").upper()


@contextmanager
def explained(section: str = "sources.whop") -> Iterator[None]:
    """Make one line that names the setting of what dlt says about its configuration.

    Args:
        section: where the settings are that the block asks for.

    Raises:
        SettingError: in place of dlt's exceptions.
    """
    try:
        yield
    except ConfigFieldMissingException as error:
        names = ", ".join(name_of(f"{section}.{field}") for field in error.traces)
        raise SettingError(f"Set {names}, or the same in .dlt/secrets.toml") from error
    except ConfigValueCannotBeCoercedException as error:
        field = str(error.field_name)
        name = name_of(field if "." in field else f"{section}.{field}")
        raise SettingError(f"{name} {_form(error.hint, error.field_value)}") from error
    except TomlProviderReadException as error:
        raise SettingError(_unreadable(error)) from error
    except ConfigProviderException as error:
        raise SettingError(f"A file in .dlt cannot be read: {error}") from error


def _form(hint: Any, value: Any) -> str:
    """What a setting of this type can be."""
    if get_origin(hint) is Literal:
        *first, last = get_args(hint)
        return f"is {value!r}; it can be {', '.join(first)} or {last}"
    if hint is list or get_origin(hint) is list:
        return 'is no list; it is written ["a", "b"]'
    forms = {bool: "true or false", int: "a whole number", float: "a number"}
    return f"is {value!r}; it can be {forms[hint]}" if hint in forms else "cannot be read"


def _unreadable(error: TomlProviderReadException) -> str:
    """Why a file of settings cannot be read. What is in it is not repeated: it may be a key."""
    for path in map(Path, error.full_paths):
        try:
            begins = path.read_bytes()[:256]
        except FileNotFoundError:
            continue
        except OSError as refused:
            return f"{path} cannot be read: {refused.strerror}"
        if begins.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in begins:
            return f"{path} is written in UTF-16: save it as UTF-8"
        if begins.startswith(codecs.BOM_UTF8):
            return f"{path} begins with a byte order mark: save it as UTF-8 without one"
    reason = str(error).splitlines()[-1].strip()
    # What tomlkit makes of a file that ends too early.
    for ends in ("Unexpected end of file", r"Unexpected character: '\x00'"):
        reason = reason.replace(ends, "a bracket or quote is not closed,")
    return f"{', '.join(error.full_paths[:1])} cannot be read: {reason}"
