"""Reads and checks every setting, in dlt's order: environment, .dlt/*.toml, our own defaults.

The environment comes first, then .dlt/secrets.toml and .dlt/config.toml, then the defaults here, so
that whatever dlt can be told is told where its documentation says. What people paste along (blanks,
line ends, characters without a width) is taken off; what is left wrong is one line that names the
setting.

Here are the settings themselves, but for the `variables` of the models. `reading` is how one is
read, `defaults` what stands behind all, and `wrong` what is said of one that is wrong.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from whop_source import chosen_tables
from whop_source.client import DEFAULT_BASE_URL, LEGACY

from ..errors import SettingError
from .reading import cleaned, get, get_text, get_texts, own, own_path, unique

# The source


@dataclass(frozen=True)
class Api:
    """How Whop is reached."""

    key: str
    base_url: str
    version: str
    max_attempts: int
    backoff_seconds: float


def api() -> Api:
    """How Whop is reached, for whoever asks it outside a sync.

    Raises:
        SettingError: a setting is missing or wrong.
    """
    return Api(
        key=api_key(),
        base_url=base_url(),
        version=api_version(),
        max_attempts=get("sources.whop.max_attempts", int) or 8,
        backoff_seconds=get("sources.whop.backoff_seconds", float) or 0.5,
    )


def api_key() -> str:
    """The API key.

    Raises:
        SettingError: there is none, or it has characters that no key has.
    """
    key = get_text("sources.whop.api_key", secret=True)
    if key is None:
        raise SettingError("Set SOURCES__WHOP__API_KEY, or the same in .dlt/secrets.toml")
    if not key:
        raise SettingError("Set SOURCES__WHOP__API_KEY: it is empty")
    return key


def base_url() -> str:
    """Root of Whop's API.

    Raises:
        SettingError: it is no address.
    """
    root = get_text("sources.whop.base_url") or DEFAULT_BASE_URL
    try:
        parts = urlsplit(root)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise SettingError(f"SOURCES__WHOP__BASE_URL is {root!r}, no address: {DEFAULT_BASE_URL}")
    return root


def api_version() -> str:
    """The version of Whop's API that is asked for; the source knows which there are."""
    return get_text("sources.whop.api_version") or LEGACY


def api_version_is_set() -> bool:
    """Whether a setting says which version of Whop's API is asked for, and not we."""
    return bool(get_text("sources.whop.api_version"))


def company_ids() -> list[str]:
    """The companies that are chosen, each once; empty means the key's own.

    Raises:
        SettingError: an id has characters that no id has, or both settings are there.
    """
    one = get_text("sources.whop.company_id")
    several = get_texts("sources.whop.company_ids")
    if one and several:
        raise SettingError("Set SOURCES__WHOP__COMPANY_ID or SOURCES__WHOP__COMPANY_IDS, not both")
    return several or ([one] if one else [])


def company(given: str, name: str = "--company") -> str:
    """A company's id as somebody has typed it.

    Raises:
        SettingError: it is empty, or has characters that no id has.
    """
    company_id = cleaned(given, name)
    if not company_id:
        raise SettingError(f"{name} is empty: give a company's id, biz_…")
    return company_id


def tables(given: Sequence[str] | None = None) -> list[str]:
    """The tables that are chosen.

    Args:
        given: names that count more than the setting.

    Raises:
        SettingError: there is no such table.
    """
    try:
        return chosen_tables(unique(given, "--tables") or get_texts("sources.whop.tables"))
    except ValueError as error:
        raise SettingError(str(error)) from error


def source(**given: Any) -> dict[str, Any]:
    """Settings of the source that are cleaned before it gets them; all others dlt hands to it.

    Args:
        given: settings that count more, and are not looked up.

    Raises:
        SettingError: a setting is missing or wrong.
    """
    found = dict(given)
    if not given.keys() & {"company_id", "company_ids"}:
        found["company_ids"] = company_ids()
    # The one that is not used is said to be empty: dlt would look it up.
    found = {"company_id": "", "company_ids": []} | found
    for name, read in _SOURCE.items():
        if name not in given:
            found[name] = read()
    found["tables"] = unique(found["tables"], "--tables")
    return found


_SOURCE: Mapping[str, Callable[[], Any]] = {
    "api_key": api_key,
    "base_url": base_url,
    "api_version": api_version,
    "tables": lambda: get_texts("sources.whop.tables"),
}


# What a run writes to, and tells


def destination_name(given: str | None = None) -> str:
    """Name of the destination: what is given, WHOP_ELT_DESTINATION, `[whop_elt] destination`."""
    return own("destination", given) or "duckdb"


def report_path(given: Path | None = None) -> Path | None:
    """Where the report is written: what is given, WHOP_ELT_REPORT, `[whop_elt] report`."""
    return given or own_path("report")


def plan_versions_path() -> Path | None:
    """The file that says what plans were: WHOP_ELT_PLAN_VERSIONS, `[whop_elt] plan_versions`."""
    return own_path("plan_versions")


def address(name: str) -> str | None:
    """The one text that says where a destination is; None when it is told in parts, or not at all.

    Raises:
        SettingError: a file in .dlt cannot be read.
    """
    value = get(f"destination.{name}.credentials", secret=True)
    return value.strip() if isinstance(value, str) else None


def bucket_url() -> str | None:
    """The setting `destination.filesystem.bucket_url`: a folder, or the address of a bucket.

    Raises:
        SettingError: a file in .dlt cannot be read.
    """
    # A folder's name may have blanks and letters that no id has: it is not cleaned.
    return str(get("destination.filesystem.bucket_url") or "").strip() or None


def alert_urls() -> list[str]:
    """Webhooks of `ALERTS__URLS`: one, or several as a JSON list.

    Raises:
        SettingError: the list cannot be read; the text does not repeat it, it holds secrets.
    """
    value = get("alerts.urls", secret=True)
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise SettingError(
                'ALERTS__URLS cannot be read; it looks like ["https://…"]'
            ) from error
    urls = [value] if isinstance(value, str) else list(value or ())
    return [str(url).strip() for url in urls if str(url).strip()]


def alert_max_age_hours() -> float | None:
    """The setting `ALERTS__MAX_AGE_HOURS`: the age at which a table is stale; None is never.

    Raises:
        SettingError: it is no number.
    """
    hours: float | None = get("alerts.max_age_hours", float)
    return None if hours is None else checked_hours(hours, "ALERTS__MAX_AGE_HOURS")


def checked_hours(hours: float, name: str) -> float:
    """An age in hours that a table's can be held against.

    Raises:
        SettingError: no age is over it (`nan`, `inf`), or every one is; nothing would be watched.
    """
    if not 0 <= hours < math.inf:
        raise SettingError(f"{name} is {hours:g}; it can be a number of hours, 0 or more")
    return hours


def digest() -> str | None:
    """The setting `ALERTS__DIGEST`: `run` or `weekly`; None posts none.

    Raises:
        SettingError: it is neither.
    """
    given = get_text("alerts.digest")
    if not given:
        return None
    if given not in ("run", "weekly"):
        raise SettingError(f"ALERTS__DIGEST is {given!r}, and must be run or weekly")
    return given


def report_setting(name: str) -> str | None:
    """A setting under `[report]`; None when it is not set.

    Raises:
        SettingError: a file in .dlt cannot be read.
    """
    # Not as ids and keys are read: a name may have blanks.
    value = get(f"report.{name}")
    return None if value is None else str(value).strip() or None


def alert_restated_share() -> Decimal | None:
    """The setting `ALERTS__RESTATED_SHARE`: how much a closed month may move; None is any.

    Raises:
        SettingError: it is no share of 0 or more.
    """
    value = get("alerts.restated_share")
    if value is None or not str(value).strip():
        return None
    try:
        share = Decimal(str(value))
    except ArithmeticError:
        share = Decimal(-1)
    if not share.is_finite() or share < 0:
        raise SettingError(f"ALERTS__RESTATED_SHARE is {value!r}; it looks like 0.02, for 2 %")
    return share


def reader_password() -> str | None:
    """The password of `grant-reader --apply --password`, when it is not to be asked for."""
    return os.environ.get("WHOP_ELT_READER_PASSWORD")
