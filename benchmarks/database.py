"""Large raw tables, made of small ones in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from whop_elt.destination import DATASET, Destination

PERSONS = (
    *("user__id", "member__id", "membership__id", "payment__id", "payment_method__id"),
    "license_key",
)
"""Columns, besides its own id, that differ from one copy of a business to the next."""


def grow(
    destination: Destination, table: str, *, copies: int | None = None, rows: int | None = None
) -> None:
    """Add copies of the rows of a raw table, each with ids of its own.

    Args:
        destination: the warehouse.
        table: name of the raw table.
        copies: how many times the rows are there afterwards; or
        rows: how many rows there are afterwards, if there are not more already.
    """
    name = f"{DATASET}.{table}"
    names, _ = destination.query(f"select * from {name} limit 0")
    own = {"id", "_dlt_id", *PERSONS}
    chosen = ", ".join(f"{each} || '-' || copy" if each in own else each for each in names)
    have = count(destination, [table])[table]
    if copies is None:
        assert rows is not None
        copies = -(-rows // have)
    limit = f" limit {max(rows - have, 0)}" if rows is not None else ""
    with destination.pipeline.sql_client() as client:
        client.execute_sql(
            f"insert into {name} ({', '.join(names)}) select {chosen} from {name} "
            f"cross join generate_series(1, {copies - 1}) as copies(copy){limit}"
        )
        # As Postgres does by itself within a minute of such a growth.
        client.execute_sql(f"analyze {name}" if destination.name == "postgres" else "checkpoint")


def count(destination: Destination, tables: Sequence[str]) -> dict[str, int]:
    """Rows of raw tables."""
    return {
        table: int(destination.query(f"select count(*) from {DATASET}.{table}")[1][0][0])
        for table in tables
    }


def days_until(destination: Destination, rows: float) -> float:
    """Days until so many payments are new or changed, if it goes on as in the last thirty."""
    (lately,) = destination.query(
        f"select count(*) from {DATASET}.payments where greatest(created_at, updated_at) > "
        f"(select max(created_at) from {DATASET}.payments) - interval '30 days'"
    )[1][0]
    return 30 * rows / max(int(lately), 1)
