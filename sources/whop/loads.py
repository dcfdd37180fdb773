"""Notes each load before it begins: one that was begun and never ended has left rows half loaded.

dlt notes a load as its last act. To find the rows of those that never came so far, every table
would have to be read in every run, and whoever tidies dlt's list up would make all rows look half
loaded.
"""

from __future__ import annotations

from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.exceptions import DatabaseException

from .resources import RESOURCES

TABLE = "_whop_loads"
"""The loads that were begun, by company; those that ended are taken off."""


def counts_whole(client: Any) -> bool:
    """Whether the destination shows nothing of a load that has not ended: a bucket."""
    return getattr(client, "loads_count_whole", False)


def of_none_that_ended(client: Any) -> str:
    """The condition that a row is of a load that is not in dlt's list of those that ended."""
    return f"_dlt_load_id not in (select load_id from {_table(client, '_dlt_loads')})"


def unended(client: Any, company_id: str) -> list[str] | None:
    """Return the loads of the company that were begun and did not end.

    Args:
        client: a dlt SQL client, open.
        company_id: the company.

    Returns:
        Their ids; None when no load of the company was ever noted: its first is yet to come, or the
        warehouse is an earlier release's.
    """
    if counts_whole(client):
        return []
    try:
        noted = f"select 1 from {_table(client, TABLE)} where company_id = %s limit 1"
        if not client.execute_sql(noted, company_id):
            return None
        rows = client.execute_sql(
            f"select noted.load_id from {_table(client, TABLE)} as noted "
            f"left join {_table(client, '_dlt_loads')} as ended on ended.load_id = noted.load_id "
            "where noted.company_id = %s and ended.load_id is null",
            company_id,
        )
    except DestinationUndefinedEntity:
        return None
    return [row[0] for row in rows or ()]


def note(client: Any, company_id: str, load_id: str) -> None:
    """Note that a load is about to begin, and take off those that ended or left no row.

    Args:
        client: a dlt SQL client, open.
        company_id: the company it is for.
        load_id: dlt's id of the load.
    """
    if counts_whole(client) or not client.has_dataset():
        # The first of all: whatever it leaves is new to the next run.
        return
    left = unended(client, company_id)
    if left is None:
        left = _half_loaded(client, company_id, of_none_that_ended(client), [])
        _create(client)
    elif left:
        marks = ", ".join(["%s"] * len(left))
        left = _half_loaded(client, company_id, f"_dlt_load_id in ({marks})", left)
    table = _table(client, TABLE)
    client.execute_sql(f"delete from {table} where company_id = %s", company_id)
    for each in [*left, load_id]:
        client.execute_sql(
            f"insert into {table} (load_id, company_id) values (%s, %s)", each, company_id
        )


def _half_loaded(client: Any, company_id: str, condition: str, values: list[str]) -> list[str]:
    """Return the loads that have left rows of the company, among those of the condition."""
    found: set[str] = set()
    for resource in RESOURCES:
        try:
            rows = client.execute_sql(
                f"select distinct _dlt_load_id from {_table(client, resource.name)} "
                f"where company_id = %s and {condition}",
                company_id,
                *values,
            )
        except DestinationUndefinedEntity:
            continue
        found |= {row[0] for row in rows or ()}
    return sorted(found)


def _create(client: Any) -> None:
    try:
        client.execute_sql(
            f"create table if not exists {_table(client, TABLE)} "
            "(load_id varchar(64), company_id varchar(255))"
        )
    except DatabaseException:
        # The run of another company, side by side, was just about to.
        client.execute_sql(f"select 1 from {_table(client, TABLE)} limit 1")


def _table(client: Any, name: str) -> str:
    found: str = client.make_qualified_table_name(name)
    return found
