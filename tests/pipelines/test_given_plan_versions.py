"""The file that says what plans were before the first sync."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from whop_elt.destination import Destination, open_destination
from whop_elt.errors import SettingError
from whop_elt.plan_versions import SETTING, TABLE, load, read
from whop_elt.spark.given import given_tables

NAMES = "plan_id,valid_from,valid_to,plan_type,billing_period_days,renewal_price,currency"
GOOD = f"{NAMES}\nplan_a,,2026-01-31,renewal,30,29.90,usd\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "versions.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_as_a_spreadsheet_saves_it(tmp_path: Path) -> None:
    text = (
        "\ufeffplan_id,company_id,valid_from,valid_to,plan_type,billing_period_days,initial_price,"
        "renewal_price,currency,trial_period_days,split_pay_required_payments,source\r\n"
        '"plan_a",biz_a,2026-01-31T12:00:00+02:00,,renewal,30,1,29.90,USD,7,,seen\r\n'
        "\r\n"
        "plan_b,,,2026-01-31,one_time,,100,,eur,,,\r\n"
    )
    first, second = read(written(tmp_path, text))
    assert first == {
        "company_id": "biz_a",
        "plan_id": "plan_a",
        "valid_from": datetime(2026, 1, 31, 10, tzinfo=UTC),
        "valid_to": None,
        "plan_type": "renewal",
        "billing_period_days": 30,
        "initial_price": Decimal(1),
        "renewal_price": Decimal("29.90"),
        "currency": "usd",
        "trial_period_days": 7,
        "split_pay_required_payments": None,
    }
    assert second["valid_to"] == datetime(2026, 1, 31, tzinfo=UTC)
    assert second["company_id"] is second["valid_from"] is second["billing_period_days"] is None


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            "plan_a,,,renewal,thirty,29,usd",
            "row 2, column billing_period_days is 'thirty': it must",
        ),
        ("plan_a,,,renewal,30,29,usd\nplan_b,,,renewal,30,1e99,usd", "row 3, column renewal_price"),
        ("plan_a,,,renewal,30,nan,usd", "row 2, column renewal_price is 'nan'"),
        ("plan_a,31/01/2026,,renewal,30,29,usd", "row 2, column valid_from is '31/01/2026'"),
        (
            "plan_a,,,monthly,30,29,usd",
            "row 2, column plan_type is 'monthly': it can be renewal or",
        ),
        (",,,renewal,30,29,usd", "row 2, column plan_id: it is empty"),
        ("plan_a,,,renewal,30,29,", "row 2, column currency: it is empty"),
        ("plan_a,,,renewal,,29,usd", "row 2, column billing_period_days: a plan that renews"),
        ("plan_a,,,renewal,30,29", "row 2: 6 values for 7 columns"),
        (
            "plan_a,2026-02-01,2026-02-01,renewal,30,29,usd",
            "row 2, column valid_to: it is not after",
        ),
        (
            "plan_a,2026-02-01,,renewal,30,39,usd\nplan_a,,2026-02-02,renewal,30,29,usd",
            "row 2, column valid_from: the version of row 3 holds",
        ),
        ("plan_a,,,renewal,30,29,usd\nplan_a,,,renewal,30,39,usd", "row 3, column valid_from"),
        ('"plan_a,,,renewal,30,29,usd', "line 2"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_its_place(
    tmp_path: Path, rows: str, says: str
) -> None:
    path = written(tmp_path, f"{NAMES}\n{rows}\n")
    with pytest.raises(SettingError) as raised:
        read(path)
    text = str(raised.value)
    assert text.startswith(f"{SETTING}: {path}, ")
    assert says in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("plan_id,plan_type", "the column currency is missing"),
        ("plan_id,plan_type,currency,price", "no column is called 'price'"),
        ("plan_id,plan_type,currency,plan_id", "the column plan_id is there twice"),
        ("", "the column plan_id is missing"),
    ],
)
def test_a_wrong_column_is_named(tmp_path: Path, names: str, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        read(written(tmp_path, f"{names}\n"))


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"nowhere\.csv cannot be read"):
        read(tmp_path / "nowhere.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match=r"binary\.csv cannot be read"):
        read(tmp_path / "binary.csv")


@pytest.fixture
def destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Destination]:
    """A DuckDB warehouse with a raw schema."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "whop.duckdb"))
    monkeypatch.delenv(SETTING, raising=False)
    opened = open_destination("duckdb")
    with opened.pipeline.sql_client() as client:
        client.create_dataset()
    yield opened


def test_the_table_is_what_the_setting_names_and_empty_without_it(
    destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "select plan_id, renewal_price from whop_raw.given_plan_versions"
    assert load(destination) == 0
    assert destination.query(question)[1] == []
    monkeypatch.setenv(SETTING, str(written(tmp_path, GOOD)))
    for _ in range(2):
        assert load(destination) == 1
        assert destination.query(question)[1] == [("plan_a", Decimal("29.9"))]
    written(tmp_path, GOOD + "plan_b,,,renewal,x,1,usd\n")
    with pytest.raises(SettingError):
        load(destination)
    assert len(destination.query(question)[1]) == 1, "a wrong file changes nothing"
    monkeypatch.delenv(SETTING)
    assert load(destination) == 0
    assert destination.query(question)[1] == []


def test_on_spark_the_table_has_the_rows_and_types_that_it_has_on_duckdb(
    destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with given_tables(tmp_path) as tables:
        assert tables == {}
    text = f"{GOOD}plan_b,2026-01-31T12:00:00+02:00,,renewal,30,1.00000000051,usd\n"
    monkeypatch.setenv(SETTING, str(written(tmp_path, text)))
    load(destination)
    with given_tables(tmp_path) as tables, destination.pipeline.sql_client() as client:
        connection = client.native_connection
        ours = connection.sql("from whop_raw.given_plan_versions order by plan_id")
        theirs = connection.read_parquet(str(tables[TABLE] / "*.parquet")).order("plan_id")
        assert (theirs.columns, theirs.types) == (ours.columns, ours.types)
        assert theirs.fetchall() == ours.fetchall()
        assert len(theirs) == 2
    assert not tables[TABLE].exists()


def test_without_raw_tables_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "empty.duckdb"))
    monkeypatch.setenv(SETTING, str(written(tmp_path, GOOD)))
    opened = open_destination("duckdb")
    assert load(opened) == 1
    with opened.pipeline.sql_client() as client:
        assert not client.has_dataset()
