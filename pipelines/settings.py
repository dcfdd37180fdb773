"""Reads and checks every setting, in dlt's order: environment, .dlt/*.toml, our own defaults.

The environment comes first, then .dlt/secrets.toml and .dlt/config.toml, then the defaults here, so
that whatever dlt can be told is told where its documentation says. What people paste along (blanks,
line ends, characters without a width) is taken off; what is left wrong is one line that names the
setting.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import dlt
import yaml
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigProviderException,
    ConfigValueCannotBeCoercedException,
)
from dlt.common.configuration.providers import CustomLoaderDocProvider
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.configuration.specs import PluggableRunContext
from dlt.common.runtime.telemetry import stop_telemetry

from whop_source import chosen_tables
from whop_source.client import DEFAULT_BASE_URL, LEGACY

from .errors import SettingError

DUCKDB_CONFIG = {"memory_limit": "160MB", "threads": 2}
"""DuckDB, left alone, takes what memory there is. A part of a load needs no more than this (each
thread holds rows of its own); the rest waits in files beside the warehouse's."""

DEFAULTS: Mapping[str, Any] = {
    # What stops a run is told in one line; dlt's own log adds a traceback per table and try.
    "runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL"},
    # A load's rows would lie beside their tables until the next load, half of the file and perhaps
    # personal data that the tables do not have any more; and in dlt's folder until the run ends.
    "load": {"truncate_staging_dataset": True, "delete_completed_jobs": True},
    "destination": {
        # dlt would name the file after the pipeline, of which a company synced alone has its own.
        "duckdb": {"credentials": {"database": "whop.duckdb", "global_config": DUCKDB_CONFIG}},
        # Without one, libpq looks where it always does: .pgpass, or what the server trusts.
        "postgres": {"credentials": {"password": "", "username": "", "host": ""}},
    },
}
"""What is set nowhere else."""

# To compress the CSV files took half of a load into Postgres, and they are read at once.
_DEFAULTS_OF: Mapping[str, Mapping[str, Any]] = {
    "postgres": {"normalize": {"data_writer": {"disable_compression": True}}},
    # There is no staging: dlt would make a folder for it.
    "filesystem": {"load": {"truncate_staging_dataset": False, "delete_completed_jobs": True}},
}

_PROVIDER = "whop-elt's own defaults"

_NO_REGION = "Etc/"
"""Etc/GMT+5 is five hours behind UTC, which nobody expects who writes it."""


def prepare(destination_name: str | None = None) -> None:
    """Put our defaults behind everything that dlt asks for a setting.

    Args:
        destination_name: the destination that is opened, which may have defaults of its own.

    Raises:
        SettingError: a file in .dlt cannot be read.
    """
    container = Container()
    with explained():
        known = PluggableRunContext in container
        context = container[PluggableRunContext] if known else PluggableRunContext()
    fresh = _PROVIDER not in context.providers
    if fresh or destination_name:
        defaults = {**DEFAULTS, **_DEFAULTS_OF.get(destination_name or "", {})}
        context.providers[_PROVIDER] = CustomLoaderDocProvider(
            _PROVIDER, lambda: dict(defaults), locations=[]
        )
    if not known:
        # Only now, so that dlt's log and telemetry begin with these defaults.
        container[PluggableRunContext] = context
    elif fresh:
        stop_telemetry()
        context.initialize_runtime()


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
        names = ", ".join(_name(f"{section}.{field}") for field in error.traces)
        raise SettingError(f"Set {names}, or the same in .dlt/secrets.toml") from error
    except ConfigValueCannotBeCoercedException as error:
        field = str(error.field_name)
        name = _name(field if "." in field else f"{section}.{field}")
        raise SettingError(f"{name} {_form(error.hint, error.field_value)}") from error
    except TomlProviderReadException as error:
        raise SettingError(_unreadable(error)) from error
    except ConfigProviderException as error:
        raise SettingError(f"A file in .dlt cannot be read: {error}") from error


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
        max_attempts=_get("sources.whop.max_attempts", int) or 8,
        backoff_seconds=_get("sources.whop.backoff_seconds", float) or 0.5,
    )


def api_key() -> str:
    """The API key.

    Raises:
        SettingError: there is none, or it has characters that no key has.
    """
    key = _text("sources.whop.api_key", secret=True)
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
    root = _text("sources.whop.base_url") or DEFAULT_BASE_URL
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
    return _text("sources.whop.api_version") or LEGACY


def api_version_is_set() -> bool:
    """Whether a setting says which version of Whop's API is asked for, and not we."""
    return bool(_text("sources.whop.api_version"))


def company_ids() -> list[str]:
    """The companies that are chosen, each once; empty means the key's own.

    Raises:
        SettingError: an id has characters that no id has, or both settings are there.
    """
    one = _text("sources.whop.company_id")
    several = _texts("sources.whop.company_ids")
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
        return chosen_tables(_unique(given, "--tables") or _texts("sources.whop.tables"))
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
    found["tables"] = _unique(found["tables"], "--tables")
    return found


_SOURCE: Mapping[str, Callable[[], Any]] = {
    "api_key": api_key,
    "base_url": base_url,
    "api_version": api_version,
    "tables": lambda: _texts("sources.whop.tables"),
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
    value = _get(f"destination.{name}.credentials", secret=True)
    return value.strip() if isinstance(value, str) else None


def bucket_url() -> str | None:
    """The setting `destination.filesystem.bucket_url`: a folder, or the address of a bucket.

    Raises:
        SettingError: a file in .dlt cannot be read.
    """
    # A folder's name may have blanks and letters that no id has: it is not cleaned.
    return str(_get("destination.filesystem.bucket_url") or "").strip() or None


def alert_urls() -> list[str]:
    """Webhooks of `ALERTS__URLS`: one, or several as a JSON list.

    Raises:
        SettingError: the list cannot be read; the text does not repeat it, it holds secrets.
    """
    value = _get("alerts.urls", secret=True)
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
    hours: float | None = _get("alerts.max_age_hours", float)
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
    given = _text("alerts.digest")
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
    value = _get(f"report.{name}")
    return None if value is None else str(value).strip() or None


def alert_restated_share() -> Decimal | None:
    """The setting `ALERTS__RESTATED_SHARE`: how much a closed month may move; None is any.

    Raises:
        SettingError: it is no share of 0 or more.
    """
    value = _get("alerts.restated_share")
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


# The models


def model_variables(given: str | None = None) -> dict[str, Any]:
    """Variables of the models that are not to have their defaults, ready for dbt.

    Args:
        given: YAML of `--vars`, which counts more than the settings under `[models]`.

    Raises:
        SettingError: a variable that there is not, or a value it cannot have.
    """
    found = {
        name: check(_name(f"models.{name}"), value)
        for name, check in VARIABLES.items()
        if (value := _get(f"models.{name}")) is not None
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


# How a setting is read


def _get(field: str, kind: type[Any] | None = None, *, secret: bool = False) -> Any:
    """A setting by its place in .dlt, `sources.whop.tables`; None when nobody has set it."""
    prepare()
    accessor = dlt.secrets if secret else dlt.config
    with explained():
        # Asked for with its type, an empty text would be a wrong value.
        if accessor.get(field) in (None, ""):
            return None
        return accessor.get(field, kind) if kind else accessor.get(field)


def _text(field: str, *, secret: bool = False) -> str | None:
    prepare()
    value: Any
    with explained():
        value = (dlt.secrets if secret else dlt.config).get(field)
    return None if value is None else cleaned(str(value), _name(field))


def _texts(field: str) -> list[str]:
    return _unique(_get(field, list), _name(field))


def own(name: str, given: str | None = None) -> str | None:
    """A setting of ours: what is given, WHOP_ELT_<NAME>, or `[whop_elt] <name>` of a file."""
    return given or os.environ.get(f"WHOP_ELT_{name.upper()}") or _text(f"whop_elt.{name}")


def own_secret(name: str) -> str:
    """A setting of ours that may be in .dlt/secrets.toml; in a password blanks may be."""
    value = os.environ.get(f"WHOP_ELT_{name.upper()}") or _get(f"whop_elt.{name}", secret=True)
    return "" if value is None else str(value).strip()


def own_path(name: str) -> Path | None:
    """A setting of ours that is a file or a folder."""
    # A folder's name may have blanks and letters that no id has: it is not cleaned.
    value = os.environ.get(f"WHOP_ELT_{name.upper()}", "").strip() or _get(f"whop_elt.{name}")
    text = str(value or "").strip()
    return Path(text) if text else None


def _unique(values: Sequence[Any] | None, name: str) -> list[str]:
    """The values cleaned, without those that are empty, each once."""
    return [each for each in dict.fromkeys(cleaned(str(v), name) for v in values or ()) if each]


def cleaned(value: str, name: str) -> str:
    """An id, a key or an address without what was pasted along.

    Raises:
        SettingError: it has a character inside that none has; the text names the character, not
            the value.
    """
    # Cf: characters without a width, the byte order mark among them.
    text = "".join(each for each in value if unicodedata.category(each) != "Cf").strip()
    for each in text:
        if each.isspace() or not each.isprintable() or not each.isascii():
            what = unicodedata.name(each, f"U+{ord(each):04X}").lower()
            what = "line end" if each in "\r\n" else what
            raise SettingError(f"{name} has a {what} in the middle: copy it once more")
    return text


def _name(field: str) -> str:
    """How a setting is called in the environment."""
    return field.replace(".", "__").upper()


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
