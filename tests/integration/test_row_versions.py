"""A row that a raw table has more than once: what was read last is what Whop has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from warehouse import Engine, Row, duckdb_warehouse, postgres_warehouse, stamp

READ = datetime(2026, 3, 1, tzinfo=UTC)


def test_of_a_row_that_is_there_twice_the_version_read_last_counts(
    engine: Engine, new_location: Callable[[Engine, str | None], str]
) -> None:
    create = duckdb_warehouse if engine == "duckdb" else postgres_warehouse
    warehouse = create(new_location(engine, None))
    later = READ + timedelta(days=1)
    old: list[Row] = [
        {"id": "prod_once", "title": "once"},
        {"id": "prod_twice", "title": "old"},
        {"id": "prod_gone", "title": "old"},
        {"id": "prod_back", "title": "old", "_whop_deleted_at": READ},
        {"id": "prod_next", "title": "old"},
    ]
    new: list[Row] = [
        {"id": "prod_twice", "title": "new"},
        {"id": "prod_gone", "title": "old", "_whop_deleted_at": later},
        {"id": "prod_back", "title": "new"},
    ]
    # Of one moment: what was loaded last.
    next_load: list[Row] = [{"id": "prod_next", "title": "new", "_dlt_load_id": "2"}]
    for rows, read in ((new, later), (next_load, READ), (old, READ)):
        warehouse.insert("products", stamp(rows, "biz_1", read))

    warehouse.dbt("run", "--select", "+stg_whop__products")

    shown = warehouse.read("stg_whop__products", "whop_staging")
    assert sorted((row["product_id"], row["title"]) for row in shown) == [
        ("prod_back", "new"),
        ("prod_next", "new"),
        ("prod_once", "once"),
        ("prod_twice", "new"),
    ]
    repeated = warehouse.read("base_whop__repeated_ids", "whop_staging")
    assert {row["id"] for row in repeated} == {"prod_twice", "prod_gone", "prod_back", "prod_next"}
