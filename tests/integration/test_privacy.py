"""Personal data stays out of the warehouse, and out of the log, when that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loading import TABLES, Line

from whop_elt.errors import ExitCode, SettingError
from whop_simulator import Fault

SHORTEST = 6
"""A shorter text (a house number, a first name) turns up by chance in what is not personal."""


def personal_texts(line: Line) -> set[str]:
    """Every e-mail, name, phone and line of an address that the business knows."""
    found: set[str] = set()

    def collect(value: Any, personal: bool) -> None:
        if isinstance(value, dict):
            address = "postal_code" in value
            person = "username" in value or "email" in value
            for key, item in value.items():
                known = address and key in {"name", "line1", "line2"}
                known |= person and key in {"name", "username", "email"}
                known |= key in {"cashtag", "email_address", "cancellation_reason", "license_key"}
                known |= "stars" in value and key in {"title", "description"}
                known |= "transaction_type" in value and key == "description"
                collect(item, known or "phone" in key)
        elif isinstance(value, list):
            for item in value:
                collect(item, personal)
        elif personal and isinstance(value, str) and len(value) >= SHORTEST:
            found.add(value)

    for table in TABLES:
        for row in line.business.rows(table):
            collect(line.business.row(table, row["id"]), False)
    return found


def stored_rows(line: Line) -> Iterator[tuple[str, str, str]]:
    """Schema and name of every table, and its rows as text."""
    tables = line.warehouse.query(
        "select table_schema, table_name from information_schema.tables "
        "where table_schema like 'whop%'"
    )
    for table in tables:
        schema, name = table["table_schema"], table["table_name"]
        rows = line.warehouse.query(f"select cast(t as text) as content from {schema}.{name} as t")
        yield schema, name, "\n".join(row["content"] for row in rows)


def everything_stored(line: Line) -> bytes:
    """The whole database: every row as text, and the file of DuckDB."""
    stored = "\n".join(content for _, _, content in stored_rows(line)).encode()
    if line.warehouse.engine == "duckdb":
        # In the file texts are compressed, but what was deleted may still be there.
        stored += Path(line.warehouse.location).read_bytes()
    return stored


def test_drop_leaves_no_trace_of_a_person(
    empty: Line, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = personal_texts(empty)
    assert len(texts) > 200
    with caplog.at_level(logging.DEBUG):
        assert empty.sync(pii="drop").code == 0
    stored = everything_stored(empty)
    left = {text for text in texts if text.encode() in stored}
    assert not left
    output = capfd.readouterr()
    told = caplog.text + output.out + output.err
    assert not {text for text in texts if text in told}
    # What is no person's stays.
    payment = next(iter(empty.rows("payments").values()))
    assert payment["total"] is not None
    assert payment["company__title"]


def test_personal_data_is_there_without_it(empty: Line) -> None:
    texts = personal_texts(empty)
    assert empty.sync().code == 0
    stored = everything_stored(empty)
    assert {text for text in texts if text.isascii() and text.encode() not in stored} == set()


def test_hashes_join_and_need_the_key(empty: Line) -> None:
    assert empty.sync(pii="hash", pii_key="one").code == 0
    stored = everything_stored(empty)
    assert not {text for text in personal_texts(empty) if text.encode() in stored}
    members = {row["user__id"]: row["user__email"] for row in empty.rows("members").values()}
    pairs = [
        (row["user__email"], members[row["user__id"]])
        for row in empty.rows("memberships").values()
        if row["user__id"] in members
    ]
    assert len(pairs) > 50
    assert all(one == other for one, other in pairs)
    assert len({one for one, _ in pairs if one}) > 20

    assert empty.sync(pii="hash", pii_key="another", full=True)["members"].rows_changed > 50
    again = {row["user__id"]: row["user__email"] for row in empty.rows("members").values()}
    assert all(again[user] != email for user, email in members.items() if user and email)


@pytest.mark.parametrize(
    ("settings", "names"),
    [({"pii": "hash"}, "SOURCES__WHOP__PII_KEY"), ({"pii": "hide"}, "SOURCES__WHOP__PII")],
)
def test_a_wrong_setting_is_named(empty: Line, settings: dict[str, Any], names: str) -> None:
    with pytest.raises(SettingError, match=names):
        empty.sync(**settings)


def test_a_change_of_mind_takes_hold_at_the_next_full_pass(empty: Line) -> None:
    texts = personal_texts(empty)
    empty.sync()
    assert empty.sync(pii="drop", full=True).code == 0
    left = {
        f"{schema}.{table}"
        for schema, table, content in stored_rows(empty)
        if any(text in content for text in texts)
    }
    # As docs/operate.md says: it holds what was seen, and nothing in it is written again.
    assert left == {"whop_raw.membership_states"}


def test_drop_and_full_reach_what_a_pass_under_way_had_already_read(empty: Line) -> None:
    texts = personal_texts(empty)
    empty.server.faults.add("GET /payments", Fault("status", status=500, since=5))
    assert empty.sync(slice_rows=100).code == ExitCode.FAILED
    assert empty.rows("payments")
    empty.server.faults.clear()
    assert empty.sync(pii="drop", full=True, slice_rows=100).code == ExitCode.OK
    left = {
        f"{schema}.{table}"
        for schema, table, content in stored_rows(empty)
        if any(text in content for text in texts)
    }
    assert left <= {"whop_raw.membership_states"}


def test_a_load_leaves_no_second_copy_of_its_rows(empty: Line) -> None:
    empty.sync()
    staged = {
        table: content
        for schema, table, content in stored_rows(empty)
        if schema == "whop_raw_staging" and not table.startswith("_dlt")
    }
    assert staged.keys() >= {"payments", "members"}
    assert set(staged.values()) == {""}
    # Nor in dlt's folder, where the files of the load were.
    loaded = list(empty.folder.glob(".whop-elt/dlt/*/*/load/loaded/*/*"))
    assert loaded
    assert not [path for path in loaded if path.name == "completed_jobs"]
