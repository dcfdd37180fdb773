"""Every number that can be explained is, of every month, the sum of the rows it is explained by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from loading import Line
from typer.testing import CliRunner

from whop_elt.cli import app
from whop_elt.errors import PipelineError, SettingError
from whop_elt.explain import explain, explain_in, raw_rows
from whop_elt.explained import BY_NAME, EXPLAINED
from whop_elt.reading import open_reader


@pytest.fixture
def line(built: Line) -> Iterator[Line]:
    """The built warehouse, found by its settings."""
    name = f"DESTINATION__{built.warehouse.engine.upper()}__CREDENTIALS"
    with patch.dict(os.environ, {name: built.warehouse.location}), chdir(built.folder):
        yield built


def months(line: Line, mart: str) -> list[dict[str, Any]]:
    return sorted(line.warehouse.read(mart), key=lambda row: row["month"])


def test_every_number_of_every_month_is_the_sum_of_its_parts(line: Line) -> None:
    explained = 0
    marts = {mart: months(line, mart) for mart in ("mrr_monthly", "metrics_monthly")}
    with open_reader(line.warehouse.engine) as warehouse:
        for number in EXPLAINED:
            for row in marts[number.mart]:
                found = explain_in(warehouse, number.name, f"{row['month']:%Y-%m}")
                assert found.number == row[number.name]
                assert found.adds_up, (number.name, row["month"], found.number, found.made)
                explained += bool(found.rows)
    assert explained > 300


def test_the_finest_rows_make_it_and_name_memberships_and_payments(line: Line) -> None:
    """Not one number falls back on rows that name no payment, when it is of payments."""
    last = f"{months(line, 'mrr_monthly')[-2]['month']:%Y-%m}"
    with open_reader(line.warehouse.engine) as warehouse:
        for name in ("mrr", "new", "churn", "gross", "refunded", "fees", "net", "arr"):
            found = explain_in(warehouse, name, last)
            assert found.rows and found.payment_ids, name
            place = found.columns.index("membership_id")
            assert all(row[place] for row in found.rows), name
        for name in ("nrr", "grr", "logo_churn_rate", "customers_churned"):
            found = explain_in(warehouse, name, last)
            place = found.columns.index("member_id")
            assert found.rows and all(row[place] for row in found.rows), name


def test_its_query_can_be_pasted_and_gives_the_same_rows(line: Line) -> None:
    last = f"{months(line, 'mrr_monthly')[-2]['month']:%Y-%m}"
    found = explain(line.warehouse.engine, "mrr", last)
    answered = line.warehouse.query(found.sql)
    assert sum(row["value"] for row in answered) == found.number
    assert set(answered[0]) == set(found.columns)


def test_raw_rows_are_those_of_the_payments_it_names(line: Line) -> None:
    last = f"{months(line, 'mrr_monthly')[-2]['month']:%Y-%m}"
    with open_reader(line.warehouse.engine) as warehouse:
        found = explain_in(warehouse, "gross", last)
        columns, rows = raw_rows(warehouse, found)
        assert [row[columns.index("id")] for row in rows] == found.payment_ids
        assert {"total", "_whop_synced_at"} <= set(columns)
        with pytest.raises(SettingError, match="by member"):
            raw_rows(warehouse, explain_in(warehouse, "nrr", last))


def test_while_a_run_has_the_file_its_copy_is_read_and_says_so(line: Line) -> None:
    from whop_elt.destination import open_destination
    from whop_elt.marts_copy import write_copy

    if line.warehouse.engine != "duckdb":
        pytest.skip("Postgres is read while it is written")
    write_copy(open_destination("duckdb"))
    last = f"{months(line, 'mrr_monthly')[-2]['month']:%Y-%m}"
    with duckdb.connect(line.warehouse.location), open_reader("duckdb") as warehouse:
        found = explain_in(warehouse, "trials", last)
        assert found.adds_up and found.rows
        assert "copy for readers" in found.notes[0]
        with pytest.raises(PipelineError, match="raw rows"):
            raw_rows(warehouse, explain_in(warehouse, "gross", last))


def test_the_command_prints_the_number_its_rule_and_its_rows(line: Line) -> None:
    last = months(line, "mrr_monthly")[-2]
    month = f"{last['month']:%Y-%m}"
    engine = ["--destination", line.warehouse.engine]
    said = CliRunner().invoke(app, ["explain", "churn", month, *engine])
    assert said.exit_code == 0, said.output
    assert "to the last digit" in said.output and "fell to 0" in said.output
    csv = CliRunner().invoke(app, ["explain", "churn", month, *engine, "--csv"]).stdout
    head, *rows = csv.splitlines()
    place = head.split(",").index("value")
    assert head.split(",")[-1] == "value"
    assert sum(Decimal(row.rsplit(",", 1)[1]) for row in rows) == last["churn_usd"], place


@pytest.mark.parametrize(
    ("metric", "month", "company", "says"),
    [
        ("luck", "2025-12", None, "There is no number luck"),
        ("mrr", "December", None, "looks like 2025-12"),
        ("mrr", "1999-01", None, "no numbers"),
        ("mrr", "2025-12", "biz_other", "No company biz_other"),
    ],
)
def test_what_is_not_there_is_refused_in_words(
    line: Line, metric: str, month: str, company: str | None, says: str
) -> None:
    with pytest.raises(SettingError, match=says):
        explain(line.warehouse.engine, metric, month, company)


def test_every_number_the_issue_names_can_be_explained() -> None:
    wanted = {"mrr_end_usd", "nrr", "grr", "gross_usd", "charged_back_usd", "fees_usd", "net_usd"}
    assert wanted | {"refunded_usd", "trials_started", "churn_usd", "new_usd"} <= set(BY_NAME)
