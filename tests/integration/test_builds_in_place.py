"""On Postgres a build takes nothing away from those who read, and waits for nobody for long."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from loading import Line
from warehouse import DBT_PROJECT, Warehouse

from whop_elt.destination import INTERMEDIATE, MARTS, STAGING, open_destination
from whop_elt.errors import ExitCode, PipelineError
from whop_elt.transform import transform
from whop_simulator import Server

if TYPE_CHECKING:
    from conftest import NewWarehouse

pytestmark = pytest.mark.parametrize("engine", ["postgres"], indirect=True)

MODELS = {
    (schema, path.stem)
    for schema, folder in ((MARTS, "marts"), (INTERMEDIATE, "intermediate"))
    for path in (DBT_PROJECT / "models" / folder).glob("*.sql")
}
REMEMBERS = {
    "int_builds", "int_told_builds", "int_months_changed", "int_closed_months", "int_restated",
    "int_closed_month_reports", "int_restatement_evidence", "int_closed_month_causes",
    "restatements", "restatement_causes", "int_build_scope", "int_changed_memberships",
    "int_changed_members", "int_built_companies",
}  # fmt: skip
"""What earlier builds said, or were, is in these: one made anew knows nothing of it."""
ANNAS = {
    "on_a_mart": f"select * from {MARTS}.dim_members",
    "on_a_view_of_hers": "select count(*) as members from anna.on_a_mart",
    "on_staging": f"select * from {STAGING}.stg_whop__payments",
    "on_what_staging_stands_on": f"select * from {STAGING}.base_whop__plans",
    "on_raw": "select id, total from whop_raw.payments",
}


@pytest.fixture
def line(built: Line, server: Server, new_location: NewWarehouse) -> Line:
    """A copy of the warehouse with the models, free to change; and an analyst's views on it."""
    location = new_location("postgres", built.warehouse.location)
    line = Line(Warehouse("postgres", location, work=built.folder), server, built.folder)
    line.warehouse.execute("create schema anna")
    for name, query in ANNAS.items():
        line.warehouse.execute(f"create view anna.{name} as {query}")
    return line


def run(line: Line, *models: str, **variables: Any) -> str:
    """Build models as dbt does, and return what it says."""
    selected = ["--select", " ".join(models)] if models else []
    return line.warehouse.dbt("run", *selected, variables=variables).stdout


def annas(line: Line) -> set[str]:
    """Views of the analyst that are there, and answer."""
    found = {
        row["table_name"]
        for row in line.warehouse.query(
            "select table_name from information_schema.tables where table_schema = 'anna'"
        )
    }
    for name in found:
        line.warehouse.read(name, schema="anna")
    return found


def rows(line: Line, schema: str, name: str) -> list[str]:
    names = ", ".join(
        f'"{row["column_name"]}"'
        for row in line.warehouse.query(
            "select column_name from information_schema.columns "
            f"where table_schema = '{schema}' and table_name = '{name}' order by column_name"
        )
    )
    found = line.warehouse.query(f"select cast(row({names}) as text) as row from {schema}.{name}")
    return sorted(row["row"] for row in found)


@contextmanager
def forgotten(line: Line, *queries: str) -> Iterator[int]:
    """A session that has read, and whose transaction was left open."""
    with closing(psycopg2.connect(line.warehouse.location, application_name="notebook")) as session:
        with session.cursor() as cursor:
            for query in queries:
                cursor.execute(query)
                if cursor.description:
                    cursor.fetchall()
        yield session.info.backend_pid


@contextmanager
def reading_on(line: Line, query: str) -> Iterator[list[float]]:
    """Somebody who reads again and again meanwhile: the seconds that each time took."""
    took: list[float] = []
    over = threading.Event()

    def read() -> None:
        with closing(psycopg2.connect(line.warehouse.location)) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                while not over.is_set():
                    begun = time.monotonic()
                    cursor.execute(query)
                    cursor.fetchall()
                    took.append(time.monotonic() - begun)
                    time.sleep(0.02)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield took
    finally:
        over.set()
        reader.join()


def test_views_of_others_live_through_syncs_full_passes_and_builds(line: Line) -> None:
    line.warehouse.execute(
        f"create index of_annas on {MARTS}.fct_payments (payment_id)",
        f"comment on view {STAGING}.stg_whop__payments is 'seen by Anna'",
    )
    for full in (False, True):
        line.server.advance(timedelta(days=3))
        assert line.sync(full=full).code is ExitCode.OK
        run(line)
    assert annas(line) == set(ANNAS)
    members = line.warehouse.read("dim_members")
    assert line.warehouse.read("on_a_mart", schema="anna") == members
    assert line.warehouse.read("on_a_view_of_hers", schema="anna") == [{"members": len(members)}]
    assert len(line.warehouse.read("on_raw", schema="anna")) == len(line.rows("payments"))
    (kept,) = line.warehouse.query(
        f"select to_regclass('{MARTS}.of_annas') is not null as index, "
        f"obj_description('{STAGING}.stg_whop__payments'::regclass) as view, "
        f"obj_description('{MARTS}.fct_payments'::regclass) is not null as mart"
    )
    assert kept == {"index": True, "view": "seen by Anna", "mart": True}


def test_a_table_that_stays_has_the_rows_of_one_made_anew(line: Line) -> None:
    """After new, changed and deleted rows, and rows that somebody has added, doubled or lost."""
    line.server.advance(timedelta(days=10))
    line.sync(full=True)
    line.warehouse.execute(
        f"insert into {INTERMEDIATE}.int_money_events "
        f"select * from {INTERMEDIATE}.int_money_events limit 7",
        f"delete from {MARTS}.mrr_daily where mrr_usd > 0",
        f"update {MARTS}.fct_payments set currency = null where payment_id like '%a%'",
    )
    run(line)
    line.warehouse.dbt("run", schema="anew")
    for schema, name in sorted(each for each in MODELS if each[1] not in REMEMBERS):
        anew = rows(line, schema.replace("whop_", "anew_"), name)
        assert rows(line, schema, name) == anew, name


def test_a_number_that_changes_nothing_but_its_sign_makes_another_row(line: Line) -> None:
    """Postgres' own hash of a row takes 20 and -20 for the same."""
    before = rows(line, MARTS, "mrr_movements")
    line.warehouse.execute(
        f"update {MARTS}.mrr_movements set mrr_change_usd = -mrr_change_usd, "
        "mrr_before_usd = -mrr_before_usd"
    )
    assert rows(line, MARTS, "mrr_movements") != before
    run(line, "mrr_movements")
    assert rows(line, MARTS, "mrr_movements") == before


def test_what_stays_the_same_is_not_written_again(line: Line) -> None:
    stamps = f"select cast(xmin as text) as stamp, payment_id from {MARTS}.fct_payments"
    oids = (
        "select cast(oid as bigint) as oid, relname from pg_class where relkind in ('r', 'v') "
        f"and relnamespace in ('{MARTS}'::regnamespace, '{STAGING}'::regnamespace)"
    )
    before, tables = line.warehouse.query(stamps), line.warehouse.query(oids)
    line.warehouse.execute(
        f"update {MARTS}.fct_payments set status = 'odd' "
        f"where payment_id = (select min(payment_id) from {MARTS}.fct_payments)"
    )
    run(line)
    old = {(row["payment_id"], row["stamp"]) for row in before}
    new = {(row["payment_id"], row["stamp"]) for row in line.warehouse.query(stamps)}
    assert len(new - old) == 1
    assert sorted(map(str, line.warehouse.query(oids))) == sorted(map(str, tables))


def test_a_forgotten_session_holds_nobody_up(line: Line) -> None:
    line.server.advance(timedelta(days=3))
    line.sync()
    mart = f"select count(*), max(as_of) from {MARTS}.dim_companies"
    with (
        forgotten(
            line,
            mart,
            f"select count(*) from {STAGING}.stg_whop__payments",
            f"select count(*) from {INTERMEDIATE}.int_payments",
            *(f"select count(*) from anna.{name}" for name in ANNAS),
        ),
        reading_on(line, mart) as took,
        line.at_work(),
    ):
        transform(open_destination("postgres"))
    assert len(took) > 20
    assert max(took) < 2


def test_a_wait_ends_and_says_who_holds_what(line: Line) -> None:
    """A column more takes a moment alone with the table, and a forgotten session has it."""
    mart = f"select count(*) from {MARTS}.dim_promo_codes"
    line.warehouse.execute(f"alter table {MARTS}.dim_promo_codes drop column code cascade")
    build = ("dim_promo_codes", "{lock_wait_seconds: 3}")
    with forgotten(line, mart) as pid, reading_on(line, mart) as took, line.at_work():
        begun = time.monotonic()
        with pytest.raises(PipelineError) as ended:
            transform(open_destination("postgres"), *build)
        assert 3 < time.monotonic() - begun < 60
    said = str(ended.value)
    assert ended.value.exit_code is ExitCode.FAILED
    assert re.search(
        rf"whop_marts.dim_promo_codes could not be had in time: it is open in Postgres process "
        rf"{pid} \(user postgres, application notebook, idle in transaction since 20.+ UTC\)",
        said,
    ), said
    assert f"pg_terminate_backend({pid})" in said
    assert "\n" not in said
    assert max(took) < 2, "nobody else waits behind it"
    with line.at_work():
        transform(open_destination("postgres"), "dim_promo_codes")
    assert "code" in line.warehouse.read("dim_promo_codes")[0]


def test_a_load_does_not_wait_for_ever_either(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column more in a raw table, a table that somebody alters and leaves so."""
    monkeypatch.setattr("whop_elt.destination.LOCK_SECONDS", 1)
    line.server.advance(timedelta(days=1))
    altered = "lock table whop_raw.payments in access exclusive mode"
    with forgotten(line, altered) as pid, pytest.raises(PipelineError) as ended:
        line.sync()
    assert f"whop_raw could not be had in time: it is open in Postgres process {pid}" in str(
        ended.value
    )
    assert "\n" not in str(ended.value)
    assert line.sync().code is ExitCode.OK


def test_a_row_that_somebody_has_locked_is_waited_for_and_named(line: Line) -> None:
    line.warehouse.execute(f"update {MARTS}.dim_promo_codes set code = 'odd'")
    locked = f"select * from {MARTS}.dim_promo_codes for update"
    build = ("dim_promo_codes", "{lock_wait_seconds: 1}")
    with (
        forgotten(line, locked) as pid,
        line.at_work(),
        pytest.raises(PipelineError, match=f"Postgres process {pid}"),
    ):
        transform(open_destination("postgres"), *build)


def test_a_new_column_keeps_every_view_and_one_that_is_gone_is_named_with_its_views(
    line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the release before this one had other columns."""
    line.warehouse.execute(
        "drop view anna.on_a_mart cascade",
        f"alter table {MARTS}.dim_plans drop column title, add column old_name text, "
        "alter column currency type char(3)",
        f"alter table {MARTS}.dim_plans alter column plan_type type text",
        "create view anna.of_what_stays as "
        f"select plan_id, plan_type, renewal_price from {MARTS}.dim_plans",
        f"create view anna.of_what_goes as select plan_id, old_name from {MARTS}.dim_plans",
        "create view anna.of_that_view as select count(*) from anna.of_what_goes",
        f"create view anna.of_what_changes as select currency from {MARTS}.dim_plans",
    )
    monkeypatch.setattr(logging.getLogger("whop_elt"), "propagate", True)
    with line.at_work():
        transform(open_destination("postgres"), "dim_plans")
    (said,) = {record.getMessage() for record in caplog.records if "anna" in record.getMessage()}
    assert "whop_marts.dim_plans has its columns currency, old_name no more as they were" in said
    assert "anna.of_that_view, anna.of_what_changes, anna.of_what_goes" in said
    assert "\n" not in said
    assert annas(line) >= {"of_what_stays", "on_staging", "on_raw"}
    line.warehouse.dbt("run", "--select", "+dim_plans", schema="anew")
    assert rows(line, MARTS, "dim_plans") == rows(line, "anew_marts", "dim_plans")


def test_a_staging_view_gets_new_columns_last_and_keeps_the_views_on_it(line: Line) -> None:
    view = f"{STAGING}.stg_whop__plans"
    line.warehouse.execute(
        f"drop view {view} cascade",
        f"create view {view} as select title, plan_id from {STAGING}.base_whop__plans",
        f"create view anna.on_plans as select title, plan_id from {view}",
    )
    for _ in range(2):
        run(line, "stg_whop__plans")
        assert "on_plans" in annas(line)
    columns = list(line.warehouse.read("stg_whop__plans", schema=STAGING)[0])
    assert columns[:2] == ["title", "plan_id"]
    line.warehouse.dbt("run", "--select", "+stg_whop__plans", schema="anew")
    assert rows(line, STAGING, "stg_whop__plans") == rows(line, "anew_staging", "stg_whop__plans")


def test_a_staging_view_whose_column_is_gone_names_the_views_on_it(line: Line) -> None:
    view = f"{STAGING}.base_whop__plans"
    ours = line.warehouse.read("stg_whop__plans", schema=STAGING)
    line.warehouse.execute(
        f"create or replace view {view} as select *, 1 as gone from ("
        + line.warehouse.query(f"select pg_get_viewdef('{view}'::regclass) as sql")[0]["sql"].strip(
            " ;"
        )
        + ") as before"
    )
    said = run(line, "base_whop__plans", "stg_whop__plans")
    assert "views that read that are dropped: anna.on_what_staging_stands_on. Their SQL" in said
    assert line.warehouse.read("stg_whop__plans", schema=STAGING) == ours


def test_a_view_in_place_of_a_table_and_back(line: Line) -> None:
    """What a release might do to a model; and that what reads it is named."""
    line.warehouse.execute(
        f"drop table {MARTS}.dim_products cascade",
        f"create view {MARTS}.dim_products as select 1 as product_id",
        f"create view anna.on_products as select * from {MARTS}.dim_products",
    )
    said = run(line, "dim_products")
    assert "whop_marts.dim_products is a table now" in said
    assert "anna.on_products" in said
    assert line.warehouse.read("dim_products")
