"""`whop-elt ask` on a warehouse that is filled, on both engines, and beside a run."""

from __future__ import annotations

import csv
import io
import sys
from decimal import Decimal
from typing import Any

import pytest
from loading import Line

from whop_elt import cli
from whop_elt.analyses import analyses
from whop_elt.ask import Form, ask, write
from whop_elt.destination import open_destination
from whop_elt.errors import SettingError
from whop_elt.marts_copy import write_copy


@pytest.mark.parametrize("name", analyses())
@pytest.mark.parametrize("contacts", [True, False], ids=["with contacts", "without"])
def test_every_question_is_answered(built: Line, name: str, contacts: bool) -> None:
    with built.at_work():
        found = ask(built.warehouse.engine, name, contacts=contacts)
    assert found.rows
    assert found.columns[0] == "company_id"
    assert found.notes == []
    named = {"name", "email"} & {*found.columns}
    assert bool(named) is (contacts and found.analysis.has_contacts)


def test_a_month_can_be_asked_for(built: Line) -> None:
    months = [row["month"] for row in built.warehouse.read("metrics_monthly")]
    asked = sorted(months)[-4]
    engine = built.warehouse.engine
    with built.at_work():
        of_it = ask(engine, "the-month-in-numbers", [f"{asked:%Y-%m}"])
        last = ask(engine, "the-month-in-numbers")
    place = of_it.columns.index("month")
    assert [row[place] for row in of_it.rows] == [asked]
    assert [row[place] for row in last.rows] == [sorted(months)[-2]]


def test_a_company_that_is_not_there_is_refused(built: Line) -> None:
    with built.at_work(), pytest.raises(SettingError, match="No company biz_other"):
        ask(built.warehouse.engine, "why-members-leave", company_id="biz_other")


def test_what_the_command_prints_as_csv_is_what_the_marts_hold(
    built: Line, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = built.warehouse.engine
    arguments = ["ask", "where-growth-comes-from", "--csv", "--destination", engine]
    monkeypatch.setattr(sys, "argv", ["whop-elt", *arguments])
    with built.at_work(), pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    text = capfdbinary.readouterr().out.decode()
    rows: list[dict[str, Any]] = [*csv.DictReader(io.StringIO(text, newline=""))]
    held = {str(row["month"]): row["mrr_end_usd"] for row in built.warehouse.read("mrr_monthly")}
    assert {row["month"]: Decimal(row["mrr_end_usd"]) for row in rows} == held


@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
def test_while_a_run_has_the_file_the_copy_answers_without_names(loaded: Line, built: Line) -> None:
    with built.at_work():
        write_copy(open_destination("duckdb"))
        with open_destination("duckdb").pipeline.sql_client() as held:
            held.execute_sql("create schema if not exists of_a_run")
            found = ask("duckdb", "who-are-the-best-members", contacts=True)
        again = ask("duckdb", "who-are-the-best-members", contacts=True)
    assert found.rows
    assert "email" not in found.columns
    assert [note.split(":")[0] for note in found.notes] == [
        "The warehouse is open elsewhere, for writing",
        "The copy has no names",
    ]
    assert write(found, Form.CSV).startswith(b"company_id,member_id,customer_since")
    assert "email" in again.columns
    assert again.notes == []
