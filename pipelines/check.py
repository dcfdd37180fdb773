"""Asks, before anything is loaded, whether a run would work: key, permissions, destination."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from whop_source import RESOURCES
from whop_source.charts import question
from whop_source.client import WhopClient
from whop_source.errors import (
    KeyRefused,
    NotFound,
    OtherSurface,
    PermissionMissing,
    RequestRefused,
    WhopError,
)
from whop_source.reading import Reader
from whop_source.resources import BY_NAME
from whop_source.structure import missing_parts, told
from whop_source.surface import CURRENT, NO_VERSION, is_tried

from . import settings
from .bucket_lock import refuses_writing
from .destination import Destination, open_destination
from .destination_trouble import setting_of
from .errors import ExitCode, NoFile, PipelineError
from .names import DATASET, INTERMEDIATE, MARTS, PERSONAL, STAGING
from .run import open_source


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    what: str
    ok: bool
    says: str
    """What was found or, when it is not ok, what to change."""
    exit_code: ExitCode = ExitCode.OK


def check(destination_name: str, *, tables: bool = True) -> Iterator[Finding]:
    """Yield a finding for the key and each company, each table, and the destination.

    Args:
        destination_name: a dlt destination name.
        tables: ask for a row of each table, too.

    Raises:
        SettingError: a setting of the source is missing or wrong.
    """
    # The source itself says what is wrong with a setting, as it would in a run.
    open_source()
    chosen = settings.tables() if tables else []
    for company_id in settings.company_ids() or ["me"]:
        yield from _check_company(settings.api(), company_id, chosen)
    try:
        destination = open_destination(destination_name, reading=True)
        says = _not_writable(destination)
        if says is None:
            yield Finding("destination", True, destination.location)
        else:
            says = f"{destination.location} {says}"
            yield Finding("destination", False, says, ExitCode.SETTING)
        yield from _readable_by_all(destination)
        for lacks in told(missing_parts(destination.pipeline)):
            yield Finding("warehouse", True, lacks)
    except NoFile as error:
        if os.access(error.path.parent, os.W_OK | os.X_OK):
            yield Finding("destination", True, f"{error.path}, which the first sync makes")
        else:
            says = f"{error.path} cannot be made: set DESTINATION__DUCKDB__CREDENTIALS"
            yield Finding("destination", False, says, ExitCode.SETTING)
    except PipelineError as error:
        yield Finding("destination", False, str(error), error.exit_code)


_DENIED = "permission denied"
_SCHEMAS = (DATASET, STAGING, INTERMEDIATE, MARTS, PERSONAL)


def _not_writable(destination: Destination) -> str | None:
    """Why a run could not write there, and what to do; None if it could, or nothing tells."""
    if destination.name == "duckdb":
        file = Path(destination.location)
        if not os.access(file, os.W_OK) or not os.access(file.parent, os.W_OK | os.X_OK):
            return f"cannot be written to by this account: set {setting_of('duckdb')}"
        return None
    if destination.name == "filesystem":
        return refuses_writing(destination)
    if destination.name != "postgres":
        return None
    ours = ", ".join(f"'{name}'" for name in _SCHEMAS)
    _, ((takes_none, may_create, there, closed),) = destination.query(
        "select pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on', "
        "has_database_privilege(current_database(), 'create'), count(nspname), "
        "string_agg(nspname, ', ' order by nspname) "
        "filter (where not has_schema_privilege(oid, 'create')) "
        f"from pg_namespace where nspname in ({ours})"
    )
    if takes_none:
        return f"is read only. {destination.advice('read-only transaction')}"
    if closed:
        return f"lets this role make no tables in {closed}. {destination.advice(_DENIED)}"
    if there < len(_SCHEMAS) and not may_create:
        return f"lets this role make no schemas. {destination.advice(_DENIED)}"
    return None


def _readable_by_all(destination: Destination) -> Iterator[Finding]:
    """A file that release 0.1.0 has made is readable by every account, as the umask had it then.

    Whoever reads it so may mean to: it is said, and left as it is.
    """
    if destination.name != "duckdb":
        return
    file = Path(destination.location)
    if file.stat().st_mode & stat.S_IROTH:
        yield Finding(
            "warehouse",
            True,
            f"every account of this machine can read {file.name}, personal data included: "
            f"chmod 600 {file}",
        )


def _check_company(api: settings.Api, company_id: str, tables: Sequence[str]) -> Iterator[Finding]:
    client = WhopClient(api.key, api.base_url, api.version, timeout=20, max_attempts=3)
    yield Finding("Whop's API", True, _version(client))
    with client:
        reader = Reader(client, company_id, lambda table, rows: None)
        try:
            company, _ = reader.company(BY_NAME["companies"])
        except PermissionMissing as error:
            yield Finding(
                "company",
                False,
                f"{error}. Give the key company:basic:read, or set SOURCES__WHOP__COMPANY_ID",
                ExitCode.PARTLY,
            )
            if company_id == "me":
                return
        except (KeyRefused, NotFound) as error:
            says = str(error)
            if isinstance(error, NotFound):
                which = "the key's own company" if company_id == "me" else company_id
                says = f"{which}: {error}. Set SOURCES__WHOP__COMPANY_ID"
            yield Finding("key and company", False, says, ExitCode.SETTING)
            return
        except (RequestRefused, OtherSurface) as error:
            # Nothing in the request is ours to choose but the version it is for.
            settings = "SOURCES__WHOP__BASE_URL and SOURCES__WHOP__API_VERSION"
            yield Finding("Whop", False, f"{error}. Look at {settings}", ExitCode.SETTING)
            return
        except WhopError as error:
            yield Finding(
                "Whop", False, f"{error}. Is SOURCES__WHOP__BASE_URL right?", ExitCode.FAILED
            )
            return
        else:
            company_id = company["id"]
            yield Finding("company", True, f"{company.get('title')} ({company_id})")
        yield from _permissions(client, company_id, tables)
        for resource in (each.on(client.surface) for each in RESOURCES):
            if not resource.listed or resource.name not in tables:
                continue
            pages = client.pages(
                resource.path,
                {
                    **resource.params,
                    **dict.fromkeys(resource.either[:1], company_id),
                    resource.page_size: "1",
                },
                tenant=resource.tenant,
                company_id=company_id,
                secrets=resource.secrets,
                page_size=resource.page_size,
            )
            try:
                if resource.observes:
                    client.object(resource.path, company_id)
                elif resource.charts:
                    chart = resource.charts[0]
                    now = datetime.now(UTC)
                    asked = question(chart, False, company_id, (now - timedelta(days=1), now))
                    client.object(resource.path, chart.metric, params=asked)
                else:
                    next(pages)
                yield Finding(resource.name, True, "can be read")
            except (PermissionMissing, NotFound) as error:
                if resource.forgoable:
                    needs = (
                        "There is no such list"
                        if isinstance(error, NotFound)
                        else f"It needs of the API key: {', '.join(resource.permissions)}"
                    )
                    says = f"is left out, and no failure: {error}. {needs}"
                    yield Finding(resource.name, True, says)
                    continue
                if isinstance(error, NotFound):
                    advice = "name the tables you want in SOURCES__WHOP__TABLES, without it"
                    says = f"{error}. There is no such list: {advice}"
                    yield Finding(resource.name, False, says, ExitCode.PARTLY)
                    continue
                yield Finding(
                    resource.name,
                    False,
                    f"{error}. The table needs of the API key: {', '.join(resource.permissions)}",
                    ExitCode.PARTLY,
                )
            except WhopError as error:
                yield Finding(resource.name, False, str(error), ExitCode.FAILED)
        for operation, notice in client.notices.items():
            yield Finding(operation, True, notice)


def _version(client: WhopClient) -> str:
    """Which surface is asked, in which version, and who has said so."""
    version = client.api_version
    if version == NO_VERSION:
        return (
            "whichever version Whop keeps with the key (SOURCES__WHOP__API_VERSION is none): "
            f"rows that are not {client.surface}'s are refused, and another key may bring them"
        )
    said = "SOURCES__WHOP__API_VERSION" if settings.api_version_is_set() else "the default"
    words = f"{client.surface}, version {version} ({said})"
    if not is_tried(version):
        words += f"; this version is not tried: it is read as {client.surface.version} is"
    return (
        f"{words}. Unasked, a key made since about August 2026 would be answered in the version "
        f"of its day, {CURRENT}'s"
    )


def _permissions(client: WhopClient, company_id: str, tables: Sequence[str]) -> Iterator[Finding]:
    """What the key may do, of what the chosen tables need; nothing where Whop does not say."""
    try:
        rows = client.answer("/permissions", {"resource_id": company_id}).get("data")
        granted = {row["action"]: row["granted"] for row in rows or ()}
    except (WhopError, TypeError, KeyError):
        return
    needed = {name for table in tables for name in BY_NAME[table].on(client.surface).permissions}
    lacking = sorted(name for name in needed if granted.get(name) is False)
    if not granted:
        return
    says = f"the key may do {sum(granted.values())} of the {len(granted)} things Whop names"
    if lacking:
        says += f"; it may not: {', '.join(lacking)}. Tables that need one say so below"
    yield Finding("permissions", True, says)
