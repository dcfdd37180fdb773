"""Our own defaults, put behind everything that dlt asks for a setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import CustomLoaderDocProvider
from dlt.common.configuration.specs import PluggableRunContext
from dlt.common.runtime.telemetry import stop_telemetry

from .wrong import explained

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
