"""Finds tables and columns that the warehouse had, or is to have, and has not; has them made anew.

Somebody dropped them, or the warehouse is one of an earlier release. dlt makes what is missing only
when its schema has changed, and a new column is empty in rows that are there already. So a mark is
set in the schema of the table: with it dlt looks again, and a run that finds a mark its state does
not have reads the table whole and writes every row. dlt stores the mark together with what it
makes, so a run that is killed in between leaves no gap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from dlt.common.schema import Schema

from .errors import WhopError
from .planning import iso
from .resources import RESOURCES, Resource
from .run_report import SYNC_RUNS_COLUMNS
from .schema import arrow_schema

MADE_ANEW = "x-whop-made-anew"
"""Hint of a table: moment (UTC, by Whop's clock) at which it, or a column of it, was missing."""

_WRITTEN_BY_DLT = "_dlt_load_id"


class TableBroken(WhopError):
    """A table lacks a column that no row can be told from another without."""


def missing_parts(
    pipeline: Any, schema: Schema | None = None, selected: Collection[str] | None = None
) -> dict[str, list[str]]:
    """Return what the warehouse lacks of tables that were loaded before.

    Args:
        pipeline: a dlt pipeline, its schema restored from the destination.
        schema: the schema as stored; None takes the pipeline's own.
        selected: dlt resources that the run loads; None is all of them.

    Returns:
        Columns by table; a table that is missing as a whole has none.
    """
    if schema is None:
        if not pipeline.default_schema_name:
            return {}
        schema = pipeline.default_schema
    elif schema.name not in pipeline.schemas:
        # Nothing was ever loaded.
        return {}
    wanted: dict[str, list[str]] = {}
    for resource in RESOURCES:
        if resource.name in schema.tables:
            for name in filter(None, (resource.name, resource.states_table)):
                if selected is None or name in selected:
                    wanted[name] = [*arrow_schema(resource).names, _WRITTEN_BY_DLT]
    if "sync_runs" in schema.tables and (selected is None or "sync_runs" in selected):
        wanted["sync_runs"] = list(SYNC_RUNS_COLUMNS)
    with pipeline.destination_client(schema.name) as client:
        # Some databases give names in capitals.
        there = {
            name: {column.lower() for column in columns}
            for name, columns in client.get_storage_tables(list(wanted))
        }
    return {
        name: [column for column in columns if column not in there[name]] if there[name] else []
        for name, columns in wanted.items()
        if not there[name].issuperset(columns)
    }


def told(missing: Mapping[str, Sequence[str]]) -> list[str]:
    """Say in a line per table what is missing, and what becomes of it."""
    return [
        f"{name} {_lacks(columns)}: dropped, or the warehouse is an earlier release's; the next "
        "run makes it anew" + (" and reads the table whole" if name != "sync_runs" else "")
        for name, columns in missing.items()
    ]


def _lacks(columns: Sequence[str]) -> str:
    return f"lacks {', '.join(columns)}" if columns else "is not there"


class Structure:
    """What a run finds the raw tables to be, and what it has made anew of them.

    Args:
        pipeline: the dlt pipeline that loads them.
        schema: the schema that its load will store.
        selected: dlt resources that the run loads.

    Attributes:
        missing: what `missing_parts` found.

    Raises:
        TableBroken: a column is missing that cannot be made anew.
    """

    def __init__(self, pipeline: Any, schema: Schema, selected: Collection[str]) -> None:
        self._schema = schema
        self.missing = missing_parts(pipeline, schema, selected)
        self._marked = not self.missing
        filled = {_WRITTEN_BY_DLT}
        filled |= {each.name for each in arrow_schema(RESOURCES[0]) if not each.nullable}
        for name, columns in self.missing.items():
            broken = sorted(filled.intersection(columns))
            if broken:
                raise TableBroken(
                    f"The table {name} has lost {', '.join(broken)}, without which its rows cannot "
                    "be told apart: drop the table, and the next run makes it anew"
                )

    def have_made_anew(self, now: datetime) -> None:
        """Mark in the schema what the load is to make; a second time it does nothing.

        Args:
            now: start of the run, UTC, by Whop's clock.
        """
        if self._marked:
            return
        for resource in RESOURCES:
            if {resource.name, resource.states_table} & self.missing.keys():
                self._table(resource.name)[MADE_ANEW] = iso(now)
        if "sync_runs" in self.missing:
            self._table("sync_runs")[MADE_ANEW] = iso(now)
        self._marked = True

    def made_anew(self, resource: Resource) -> datetime | None:
        """When the table, or a column of it, was found missing last (UTC); None is never."""
        mark = self._table(resource.name).get(MADE_ANEW)
        return datetime.fromisoformat(mark) if mark else None

    def _table(self, name: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self._schema.tables.get(name, {}))


def free_shared_ids(pipeline: Any) -> None:
    """Let an id be there twice that two companies share, where earlier releases forbade it.

    Postgres watches over it by a constraint, and dlt takes back none that it has made.
    """
    shared = [resource.name for resource in RESOURCES if resource.shared]
    client = pipeline.sql_client()
    if client.capabilities.sqlglot_dialect != "postgres":
        return
    with client:
        found = client.execute_sql(
            "select n.nspname, c.relname, k.conname from pg_constraint as k "
            "join pg_class as c on c.oid = k.conrelid "
            "join pg_namespace as n on n.oid = c.relnamespace "
            "where k.contype = 'u' and n.nspname in (%s, %s) and c.relname = any(%s)",
            *(client.dataset_name, client.staging_dataset_name, shared),
        )
        for schema, table, name in found or ():
            client.execute_sql(f'alter table "{schema}"."{table}" drop constraint "{name}"')
