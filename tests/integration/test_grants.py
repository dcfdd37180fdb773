"""`whop-elt grant-reader`: what a role may read, before and after dbt builds the marts anew."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
import pytest
from loading import Line
from psycopg2 import sql
from warehouse import DBT_PROJECT, Warehouse

from whop_elt import cli
from whop_elt.destination import MARTS, open_destination
from whop_elt.errors import NothingThere, PipelineError, SettingError
from whop_elt.grants import grant, grant_statements
from whop_source import RESOURCES

if TYPE_CHECKING:
    from conftest import NewWarehouse

on_postgres = pytest.mark.parametrize("engine", ["postgres"], indirect=True)

ALL_MARTS = sorted(path.stem for path in (DBT_PROJECT / "models/marts").glob("*.sql"))
PASSWORD = "a pass'word; nobody may see"
NAMES = ("whop bi", 'x"; drop schema whop_marts cascade; --', "O'Hara %s", "größe")


def as_role(location: str, name: str, password: str = PASSWORD) -> str:
    parts = urlsplit(location)
    host = f"{quote(name, safe='')}:{quote(password, safe='')}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=host))


def ask(location: str, statement: sql.Composable | str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(location)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return rows


def refused(location: str, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(location, statement)


@pytest.fixture
def line(built: Line, new_location: NewWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A copy of the warehouse with the marts, free to change."""
    folder = tmp_path_factory.mktemp("reader")
    location = new_location("postgres", built.warehouse.location)
    return Line(Warehouse("postgres", location, work=folder), built.server, folder)


@pytest.fixture
def roles(line: Line) -> Iterator[Callable[[str], str]]:
    """Names that end with the test: roles belong to the server, not to a database."""
    used: list[str] = []

    def use(name: str) -> str:
        used.append(name)
        return name

    yield use
    for name in used:
        role = sql.Identifier(name)
        if ask(
            line.warehouse.location,
            sql.SQL("select 1 from pg_roles where rolname = {}").format(sql.Literal(name)),
        ):
            drop = sql.SQL("drop owned by {0} cascade; drop role {0}").format(role)
            ask(line.warehouse.location, drop)


def given(line: Line, name: str, password: str | None = PASSWORD) -> str:
    """Grant, and return how the reader connects."""
    with line.at_work():
        grant(open_destination("postgres"), name, password)
    return as_role(line.warehouse.location, name)


def reads_marts_and_nothing_else(reader: str) -> None:
    for mart in ALL_MARTS:
        ask(reader, f"select * from {MARTS}.{mart} limit 1")
    assert ask(reader, f"select member_id, mrr_usd, cohort_month from {MARTS}.dim_members limit 1")
    for other in (
        "whop_raw.members",
        "whop_raw.sync_runs",
        "whop_raw._dlt_pipeline_state",
        "whop_staging.stg_whop__members",
        "whop_personal.member_contacts",
        "whop_intermediate.int_payments",
    ):
        refused(reader, f"select * from {other}")
    for statement in (
        f"insert into {MARTS}.mrr_daily select * from {MARTS}.mrr_daily",
        f"update {MARTS}.mrr_daily set mrr_usd = 0",
        f"delete from {MARTS}.mrr_daily",
        f"truncate {MARTS}.mrr_daily",
        f"create table {MARTS}.mine (a int)",
        f"create view {MARTS}.mine as select 1 as a",
        "create schema mine",
        "create role mine",
    ):
        refused(reader, statement)


@on_postgres
def test_a_reader_still_reads_after_dbt_built_the_marts_anew(
    line: Line, roles: Callable[[str], str]
) -> None:
    reader = given(line, roles("whop_bi"))
    reads_marts_and_nothing_else(reader)
    line.warehouse.dbt("run")
    reads_marts_and_nothing_else(reader)
    for mart in ALL_MARTS:
        # A release brings a mart, or somebody has dropped one: it is a new table.
        # With what is made of it: what earlier builds said of a month is compared in a view.
        ask(line.warehouse.location, f"drop table if exists {MARTS}.{mart} cascade")
    line.warehouse.dbt("run")
    reads_marts_and_nothing_else(reader)
    assert given(line, "whop_bi") == reader, "the same command, safe to run again"
    reads_marts_and_nothing_else(reader)


@on_postgres
@pytest.mark.parametrize("name", NAMES)
def test_names_are_quoted(line: Line, roles: Callable[[str], str], name: str) -> None:
    reads_marts_and_nothing_else(given(line, roles(name)))


@on_postgres
def test_a_reader_finds_no_personal_value(line: Line, roles: Callable[[str], str]) -> None:
    """What is personal in the raw tables is in no column that a reader can read."""
    values = set()
    for resource in RESOURCES:
        rows = line.rows(resource.name).values()
        values |= {str(row[name]) for row in rows for name in resource.personal if row[name]}
    # A city or a first name can be a word of a plan's title; two words or an address cannot.
    values = {value for value in values if " " in value or "@" in value}
    assert len(values) > 100
    reader = given(line, roles("whop_bi"))
    columns = ask(
        reader,
        "select table_name, column_name from information_schema.columns "
        f"where table_schema = '{MARTS}' and data_type in ('text', 'character varying')",
    )
    assert ("dim_members", "status") in columns
    assert ("dim_members", "email") not in columns
    for mart, column in columns:
        held = {value for (value,) in ask(reader, f'select "{column}" from {MARTS}.{mart}')}
        assert not held & values, (mart, column)


@on_postgres
def test_the_printed_sql_does_the_same(
    line: Line,
    roles: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = roles(NAMES[1])
    monkeypatch.setattr(
        sys, "argv", ["whop-elt", "grant-reader", name, "--destination", "postgres"]
    )
    with line.at_work(), pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    printed = capsys.readouterr().out
    exists = sql.SQL("select 1 from pg_roles where rolname = {}").format(sql.Literal(name))
    assert ask(line.warehouse.location, exists) == [], "printed, not run"
    for _ in range(2):
        ask(line.warehouse.location, printed)
    assert ask(line.warehouse.location, exists) == [(1,)]
    ask(line.warehouse.location, sql.SQL("alter role {} login").format(sql.Identifier(name)))
    reads_marts_and_nothing_else(as_role(line.warehouse.location, name))


@on_postgres
def test_a_password_is_seen_by_nobody(
    line: Line,
    roles: Callable[[str], str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = roles("whop_bi")
    monkeypatch.setenv("WHOP_ELT_READER_PASSWORD", PASSWORD)
    monkeypatch.setenv("WHOP_ELT_DESTINATION", "postgres")
    command = ["whop-elt", "grant-reader", name, "--apply", "--password"]
    monkeypatch.setattr(sys, "argv", command)
    with line.at_work(), pytest.raises(SystemExit) as ended:
        cli.main()
    said = "".join(capfd.readouterr())
    assert not ended.value.code, said
    assert f"{name} can read {MARTS}" in said
    assert PASSWORD not in said
    ((stored,),) = ask(
        line.warehouse.location, f"select rolpassword from pg_authid where rolname = '{name}'"
    )
    assert stored.startswith("SCRAM-SHA-256$")
    reads_marts_and_nothing_else(as_role(line.warehouse.location, name))


@on_postgres
def test_without_a_password_the_role_cannot_log_in(line: Line, roles: Callable[[str], str]) -> None:
    reader = given(line, roles("whop_bi"), password=None)
    with pytest.raises(psycopg2.OperationalError, match="not permitted to log in"):
        ask(reader, "select 1")


@on_postgres
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "1 to 63 bytes"),
        ("x" * 64, "1 to 63 bytes"),
        ("pg_reader", "keeps for itself"),
        ("public", "keeps for itself"),
        ("postgres", "builds the marts"),
        ("whop_admin", "a superuser"),
        ("whop_colleague", "a member of postgres"),
    ],
)
def test_a_name_that_cannot_be_a_reader_s(
    line: Line, roles: Callable[[str], str], name: str, says: str
) -> None:
    if name == "whop_admin":
        ask(line.warehouse.location, f"create role {roles(name)} superuser")
    if name == "whop_colleague":
        ask(line.warehouse.location, f"create role {roles(name)} in role postgres")
    with line.at_work(), pytest.raises(SettingError, match=says):
        grant(open_destination("postgres"), name)


@on_postgres
def test_what_others_have_granted_is_told(
    line: Line,
    roles: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = roles("whop_bi")
    ask(line.warehouse.location, f"create role {name}; grant usage on schema whop_raw to {name}")
    monkeypatch.setattr(logging.getLogger("whop_elt"), "propagate", True)
    given(line, name)
    assert "whop_bi can read whop_raw as well" in caplog.text


@on_postgres
def test_all_of_it_or_nothing(line: Line, roles: Callable[[str], str]) -> None:
    """A role that may not create roles is told so, and has changed nothing."""
    builder, name = roles("whop_builder"), roles("whop_bi")
    ask(line.warehouse.location, f"create role {builder} login; grant postgres to {builder}")
    ask(line.warehouse.location, f"revoke postgres from {builder}")
    ask(
        line.warehouse.location,
        f"grant usage on schema whop_raw to {builder}; "
        f"grant all on all tables in schema whop_raw to {builder}; "
        f"grant usage, create on schema {MARTS} to {builder}",
    )
    location = as_role(line.warehouse.location, builder)
    as_builder = Line(Warehouse("postgres", location, work=line.folder), line.server, line.folder)
    with as_builder.at_work(), pytest.raises(PipelineError, match=r"permission denied.*--apply"):
        grant(open_destination("postgres"), name)
    assert ask(line.warehouse.location, f"select 1 from pg_roles where rolname = '{name}'") == []


@on_postgres
def test_before_there_are_marts(loaded: Line) -> None:
    with loaded.at_work(), pytest.raises(NothingThere, match="`whop-elt transform`"):
        grant_statements(open_destination("postgres"), "whop_bi")


def test_duckdb_has_no_roles(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WHOP_ELT_DESTINATION")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["whop-elt", "grant-reader", "whop_bi"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "DuckDB has no roles" in said
    assert "docs/bi.md" in said
    assert len(said.splitlines()) == 1
