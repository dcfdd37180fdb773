"""The variables of the models, and what a value of each must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any
from zoneinfo import available_timezones

import yaml

from ..errors import SettingError
from .reading import get
from .wrong import name_of

_NO_REGION = "Etc/"
"""Etc/GMT+5 is five hours behind UTC, which nobody expects who writes it."""


def model_variables(given: str | None = None) -> dict[str, Any]:
    """Variables of the models that are not to have their defaults, ready for dbt.

    Args:
        given: YAML of `--vars`, which counts more than the settings under `[models]`.

    Raises:
        SettingError: a variable that there is not, or a value it cannot have.
    """
    found = {
        name: check(name_of(f"models.{name}"), value)
        for name, check in VARIABLES.items()
        if (value := get(f"models.{name}")) is not None
    }
    for name, value in _from_yaml(given).items():
        if name not in VARIABLES:
            raise SettingError(
                f"--vars: there is no variable {name}; there are: {', '.join(VARIABLES)}"
            )
        found[name] = VARIABLES[name](f"--vars: {name}", value)
    return found


def reporting_timezone() -> str:
    """The zone whose midnight separates one day of the numbers from the next.

    Raises:
        SettingError: a variable of the models has a value it cannot have.
    """
    return str(model_variables().get("reporting_timezone", "UTC"))


def _from_yaml(given: str | None) -> dict[str, Any]:
    if not given or not given.strip():
        return {}
    try:
        values = yaml.safe_load(given)
    except yaml.YAMLError as error:
        raise SettingError("--vars cannot be read; it looks like '{grace_days: 7}'") from error
    if not isinstance(values, dict):
        raise SettingError(f"--vars is {given!r}; it looks like '{{grace_days: 7}}'")
    return values


def _zone(name: str, value: Any) -> str:
    """A zone both databases know, and know alike: IST is Israel's in one and India's in the other.

    The names with a region are those of the IANA database, https://www.iana.org/time-zones.
    """
    zones = {zone for zone in available_timezones() if "/" in zone and _NO_REGION not in zone}
    zone = str(value).strip()
    if zone == "UTC" or zone in zones:
        return zone
    known = {each.lower(): each for each in zones}
    folded = zone.lower().replace(" ", "_")
    near = known.get(folded) or next(
        iter([known[each] for each in get_close_matches(folded, known, 1, 0.75)]), "Europe/Berlin"
    )
    raise SettingError(
        f"{name} is {value!r}: a time zone is written with its region, like {near}, or UTC"
    )


def _days(name: str, value: Any) -> int:
    try:
        days = int(str(value))
    except ValueError:
        days = -1
    if isinstance(value, bool) or days < 0:
        raise SettingError(f"{name} is {value!r}; it can be a whole number of days, 0 or more")
    return days


def _seconds(name: str, value: Any) -> int:
    try:
        seconds = int(str(value))
    except ValueError:
        seconds = 0
    if isinstance(value, bool) or seconds < 1:
        raise SettingError(f"{name} is {value!r}; it can be a whole number of seconds, 1 or more")
    return seconds


def _flag(name: str, value: Any) -> bool:
    flag = {"true": True, "false": False}.get(str(value).strip().lower())
    if flag is None:
        raise SettingError(f"{name} is {value!r}; it can be true or false")
    return flag


def _moment(name: str, value: Any) -> str | None:
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, date | datetime) else str(value).strip()
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingError(
            f"{name} is {value!r}; it can be a day or moment like 2026-01-31 or "
            "2026-01-31T18:00:00Z"
        ) from error
    return text


VARIABLES: Mapping[str, Callable[[str, Any], Any]] = {
    "reporting_timezone": _zone,
    "grace_days": _days,
    "include_deleted": _flag,
    "as_of": _moment,
    "lock_wait_seconds": _seconds,
}
"""The models' variables, those of dbt_project.yml, and what a value of each must be."""
