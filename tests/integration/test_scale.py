"""A run costs by what has changed, also in a database that holds years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from dlt.destinations.impl.postgres import postgres
from dlt.destinations.job_client_impl import SqlJobClientBase
from loading import FAST, Line, documented, expected

import whop_elt.destination as destination
from whop_elt.destination import DATASET, open_destination
from whop_elt.errors import ExitCode, PipelineError
from whop_simulator import Server
from whop_source import loads, whop
from whop_source.resources import BY_NAME
from whop_source.warehouse import Warehouse


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Tables that were searched for rows of loads that never ended."""
    found: list[str] = []
    select = Warehouse._select

    def spied(self: Warehouse, resource: Any, columns: Any, conditions: Any = (), *more: Any,
              **named: Any) -> Any:  # fmt: skip
        if any("_dlt_load_id" in condition for condition, _ in conditions):
            found.append(resource.name)
        return select(self, resource, columns, conditions, *more, **named)

    monkeypatch.setattr(Warehouse, "_select", spied)
    yield found


def test_half_loaded_rows_are_looked_for_only_after_a_load_that_did_not_end(
    loaded: Line, looked_for: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The warehouse of an earlier release has noted no load.
    loaded.server.advance(timedelta(hours=1))
    loaded.sync()
    assert "payments" in looked_for
    looked_for.clear()
    loaded.server.advance(timedelta(hours=1))
    loaded.sync()
    assert looked_for == []

    plan = loaded.business.rows("plans")[0]
    loaded.business.put("plans", {**plan, "title": "Killed"})

    def killed(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(SqlJobClientBase, "complete_load", killed)
        with pytest.raises(PipelineError, match="killed"):
            loaded.sync()
    assert loaded.rows("plans")[plan["id"]]["title"] == "Killed"
    run = loaded.sync()
    assert "payments" in looked_for
    assert run["plans"].rows_new >= 1, "whatever it holds, it is written again"
    loaded.sync()
    looked_for.clear()
    assert loaded.sync().code is ExitCode.OK
    assert looked_for == []
    held = loaded.rows("plans")
    assert documented("plans", held) == expected(loaded.business, "plans")


@pytest.mark.parametrize("kept", [1, 0])
def test_who_tidies_up_dlt_s_list_of_loads_makes_no_row_look_half_loaded(
    loaded: Line, kept: int
) -> None:
    for _ in range(2):
        loaded.server.advance(timedelta(hours=1))
        loaded.sync()
    last = f"(select max(load_id) from {DATASET}._dlt_loads)"
    loaded.warehouse.execute(
        f"delete from {DATASET}._dlt_loads" + (f" where load_id < {last}" if kept else "")
    )
    loaded.server.advance(timedelta(minutes=1))
    run = loaded.sync(full=True)
    assert run.code is ExitCode.OK
    written = run["payments"].rows_new + run["payments"].rows_changed
    # Without the last load's own line nobody knows whether that one has ended.
    assert written < 40
    assert len(loaded.rows("payments")) > 400


def test_the_warehouse_is_read_by_the_chunk_on_postgres(
    loaded: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whop_source.warehouse._CHUNK", 10)
    with loaded.at_work():
        pipeline = open_destination(loaded.warehouse.engine).pipeline
        company = loaded.business.company_id
        with Warehouse(pipeline, company) as warehouse:
            rows = warehouse.columns(BY_NAME["payments"], "id")
            first = next(rows)
            if loaded.warehouse.engine == "postgres":
                ((cursors,),) = warehouse._client.execute_sql("select count(*) from pg_cursors")
                assert cursors == 1, "the server does not hold the rows"
            ids = [first, *rows]
            assert len(ids) == len(loaded.rows("payments"))
            assert warehouse.known(BY_NAME["payments"]).num_rows == len(ids)


def test_only_what_dlt_selects_is_read(empty: Line, server: Server) -> None:
    with empty.at_work():
        pipeline = open_destination(empty.warehouse.engine).pipeline
        given = {"api_key": server.api_key, "base_url": server.base_url, **FAST}
        for _ in range(2):
            server.log.clear()
            pipeline.run(whop(**given).with_resources("plans", "promo_codes"))
            asked = {name for name, _ in server.log}
            assert asked - {"GET /plans/{id}"} == {
                "GET /companies/{id}",
                "GET /plans",
                "GET /promo_codes",
            }
    assert documented("promo_codes", empty.rows("promo_codes")) == expected(
        empty.business, "promo_codes"
    )


def test_a_dlt_that_would_lose_empty_texts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(postgres, "is_nullable_column")
    with pytest.raises(PipelineError, match=r"requirements\.lock"):
        destination._keep_empty_texts()


def test_loads_are_noted_for_each_company_and_taken_off_when_they_ended(loaded: Line) -> None:
    for _ in range(3):
        loaded.server.advance(timedelta(hours=1))
        loaded.sync()
    (noted,) = loaded.warehouse.read(loads.TABLE, schema=DATASET)
    assert noted["company_id"] == loaded.business.company_id
    ended = {row["load_id"] for row in loaded.warehouse.read("_dlt_loads", schema=DATASET)}
    assert noted["load_id"] in ended
