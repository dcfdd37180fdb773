"""Asks, before anything is loaded, whether a run would work: key, permissions, destination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dlt

from sources.whop import RESOURCES
from sources.whop.client import (
    DEFAULT_BASE_URL,
    KeyRefused,
    NotFound,
    PermissionMissing,
    WhopClient,
    WhopError,
)

from .destination import open_destination
from .errors import ExitCode, PipelineError, SettingError


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    what: str
    ok: bool
    says: str
    """What was found or, when it is not ok, what to change."""
    exit_code: ExitCode = ExitCode.OK


def check(destination_name: str, **settings: Any) -> Iterator[Finding]:
    """Yield a finding for the key and company, each table, and the destination.

    Args:
        destination_name: a dlt destination name.
        settings: settings of the source that are not to come from dlt's configuration.
    """
    for company_id in _companies(settings):
        yield from _check_company(company_id, settings)
    try:
        destination = open_destination(destination_name)
        yield Finding("destination", True, destination.location)
    except PipelineError as error:
        yield Finding("destination", False, str(error), error.exit_code)


def setting(name: str, settings: dict[str, Any], default: Any = None) -> Any:
    """A setting of the source, from the arguments or dlt's configuration."""
    if name in settings:
        return settings[name]
    path = f"sources.whop.{name}"
    value: Any = dlt.secrets.get(path) if name == "api_key" else dlt.config.get(path)
    return default if value is None else value


def _companies(settings: dict[str, Any]) -> list[str]:
    several = setting("company_ids", settings)
    return list(several) if several else [setting("company_id", settings, "me")]


def _check_company(company_id: str, settings: dict[str, Any]) -> Iterator[Finding]:
    key = setting("api_key", settings)
    if not key:
        raise SettingError("Set SOURCES__WHOP__API_KEY, or the same in .dlt/secrets.toml")
    client = WhopClient(
        key,
        setting("base_url", settings, DEFAULT_BASE_URL),
        setting("api_version", settings),
        timeout=20,
        max_attempts=3,
    )
    with client:
        try:
            company, _ = client.object("/companies", company_id)
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
            advice = ". Set SOURCES__WHOP__COMPANY_ID" if isinstance(error, NotFound) else ""
            yield Finding("key and company", False, f"{error}{advice}", ExitCode.SETTING)
            return
        except WhopError as error:
            yield Finding(
                "Whop", False, f"{error}. Is SOURCES__WHOP__BASE_URL right?", ExitCode.FAILED
            )
            return
        else:
            company_id = company["id"]
            yield Finding("company", True, f"{company.get('title')} ({company_id})")
        for resource in RESOURCES:
            if not resource.listed:
                continue
            pages = client.pages(
                resource.path,
                {**resource.params, "first": "1"},
                tenant=resource.tenant,
                company_id=company_id,
                secrets=resource.secrets,
            )
            try:
                next(pages)
                yield Finding(resource.name, True, "can be read")
            except PermissionMissing as error:
                yield Finding(
                    resource.name,
                    False,
                    f"{error}. Give the API key the permission {resource.permission}",
                    ExitCode.PARTLY,
                )
            except WhopError as error:
                yield Finding(resource.name, False, str(error), ExitCode.FAILED)
