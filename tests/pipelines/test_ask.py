"""Questions without a warehouse: what is listed, what is refused, what SQL they become."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pyarrow.parquet as parquet
import pytest

from whop_elt.analyses import Analysis, analyses, analysis
from whop_elt.ask import Asked, Form, write
from whop_elt.errors import SettingError

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
