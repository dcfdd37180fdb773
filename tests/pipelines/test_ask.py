"""Questions without a warehouse: what is listed, what is refused, what SQL they become."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pyarrow.parquet as parquet
import pytest

from whop_elt import ask as ask_module
from whop_elt.analyses import Analysis, analyses, analysis
from whop_elt.ask import Asked, Form, write
from whop_elt.errors import SettingError
from whop_elt.reading import Reader

NAMES = [*analyses()]


def asked(columns: list[str], *rows: tuple[object, ...]) -> Asked:
    return Asked(Analysis("made-up", "Made up?", (), ""), columns, [*rows], [])


def test_there_are_some_twenty_questions_and_each_says_what_it_asks() -> None:
    assert len(NAMES) >= 17
    for each in analyses().values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", each.name)
        assert each.question.endswith("?"), each.name
        assert "parameter" not in each.about


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize("name", NAMES)
def test_without_contacts_a_question_names_nobody(name: str, dialect: str) -> None:
    sql = analysis(name).sql(dialect, contacts=False)
    assert "whop_personal" not in sql
    assert "email" not in sql
    assert "{" not in sql


def test_with_contacts_it_names_who_can_be_named() -> None:
    sql = analysis("who-are-the-best-members").sql("duckdb", contacts=True)
    assert "whop_personal.member_contacts" in sql


def test_a_month_that_is_given_is_in_the_sql_and_one_that_is_not_is_not() -> None:
    question = analysis("the-month-in-numbers")
    with_month = question.sql("duckdb", contacts=False, arguments=question.given(["2025-10"]))
    assert "2025-10-01" in with_month
    assert "2025-10" not in question.sql("duckdb", contacts=False)


@pytest.mark.parametrize(
    "given",
    [
        "2025-13",
        "0000-01",
        "2025",
        "2025-1",
        "2025-10' or 1=1 --",
        "",
        "october",
        "\uff12\uff10\uff12\uff15-10",
    ],
)
def test_what_is_no_month_is_refused(given: str) -> None:
    with pytest.raises(SettingError, match="must be a month, like 2026-10"):
        analysis("the-month-in-numbers").given([given])


def test_too_many_arguments_are_refused_and_what_it_takes_is_said() -> None:
    with pytest.raises(SettingError, match="takes month; given: 2025-10 2025-11"):
        analysis("the-month-in-numbers").given(["2025-10", "2025-11"])
    with pytest.raises(SettingError, match="takes no argument"):
        analysis("why-members-leave").given(["2025-10"])


def test_a_name_that_is_nearly_one_is_told_which() -> None:
    with pytest.raises(SettingError, match="Did you mean why-members-leave"):
        analysis("why-member-leave")
    assert analysis("Why_members_leave").name == "why-members-leave"


def test_csv_json_and_parquet_hold_every_digit() -> None:
    answer = asked(
        ["company_id", "title", "mrr_usd", "customers", "is_listed", "at", "day"],
        (
            "biz_a",
            'A "title", with a comma\nand a line',
            Decimal("12345678901234567.123456789"),
            3,
            True,
            datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
            date(2026, 1, 2),
        ),
        ("biz_a", None, Decimal("100"), 0, False, None, None),
    )
    lines = write(answer, Form.CSV).decode().split("\r\n")
    assert lines[0] == "company_id,title,mrr_usd,customers,is_listed,at,day"
    assert lines[1] == (
        'biz_a,"A ""title"", with a comma\nand a line",12345678901234567.123456789,3,true,'
        "2026-01-02T03:04:00Z,2026-01-02"
    )
    assert lines[2] == "biz_a,,100,0,false,,"
    first, second = json.loads(write(answer, Form.JSON))
    assert first["mrr_usd"] == "12345678901234567.123456789"
    assert (first["customers"], first["is_listed"], second["title"]) == (3, True, None)
    table = parquet.read_table(BytesIO(write(answer, Form.PARQUET)))
    assert table.to_pylist()[0]["mrr_usd"] == Decimal("12345678901234567.123456789")
    assert str(table.schema.field("mrr_usd").type) == "decimal128(38, 9)"


def test_an_answer_without_rows_is_a_file_with_its_columns() -> None:
    answer = asked(["company_id", "mrr_usd"])
    assert write(answer, Form.CSV) == b"company_id,mrr_usd\r\n"
    assert json.loads(write(answer, Form.JSON)) == []
    table = parquet.read_table(BytesIO(write(answer, Form.PARQUET)))
    assert (table.num_rows, table.column_names) == (0, ["company_id", "mrr_usd"])


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        (" =1+1", "' =1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+1+cmd|x", "'+1+cmd|x"),
        ("-2+A1", "'-2+A1"),
        ("\t=1", "'\t=1"),
        ("+1 (415) 555-0100", "+1 (415) 555-0100"),
        ("-", "-"),
        ("Pro = good", "Pro = good"),
    ],
)
def test_a_name_that_a_spreadsheet_would_run_is_a_text_in_csv(title: str, written: str) -> None:
    answer = asked(["title", "change_usd"], (title, Decimal("-2.50")))
    (_, row) = csv.reader(io.StringIO(write(answer, Form.CSV).decode(), newline=""))
    assert row == [written, "-2.5"]
    (found,) = json.loads(write(answer, Form.JSON))
    assert found["title"] == title


def test_half_a_character_in_a_name_keeps_nobody_from_the_csv() -> None:
    assert write(asked(["title"], ("a\ud83d",)), Form.CSV) == b"title\r\na?\r\n"


def test_a_share_reads_the_same_from_both_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB divides into floats, Postgres into decimals."""

    @contextmanager
    def reading(engine: str) -> Iterator[Reader]:
        number = float if engine == "duckdb" else Decimal
        row = ("biz_a", number("60.0"), number("2.45"))
        columns = ["company_id", "percent", "percent_lost"]
        yield Reader(engine, "here", None, lambda *_: (columns, [row]))

    monkeypatch.setattr(ask_module, "open_reader", reading)
    both = [ask_module.ask(engine, "why-members-leave") for engine in ("duckdb", "postgres")]
    for form in (Form.CSV, Form.JSON, Form.PARQUET):
        first, second = (write(answer, form) for answer in both)
        assert first == second
    assert write(both[0], Form.CSV) == b"company_id,percent,percent_lost\r\nbiz_a,60,2.45\r\n"
