"""The file of plan versions on its way through the models, and the warning when it is missing."""

from __future__ import annotations

import csv
import logging

import pytest
from loading import Line

from whop_elt.destination import open_destination
from whop_elt.plan_versions import COLUMNS, SETTING
from whop_elt.transform import transform


@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
def test_a_plan_said_to_be_what_it_was_not_is_warned_of(
    loaded: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (plan,) = loaded.warehouse.query(
        "select plans.id, plans.renewal_price, plans.currency from whop_raw.payments "
        "inner join whop_raw.plans on plans.id = payments.plan__id "
        "where payments.billing_reason = 'subscription_cycle' and plans.billing_period = 30 "
        "group by all order by count(*) desc, plans.id limit 1"
    )
    path = loaded.folder / "versions.csv"
    given = {
        "plan_id": plan["id"],
        "plan_type": "renewal",
        "billing_period_days": 365,
        "renewal_price": plan["renewal_price"],
        "currency": plan["currency"],
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in COLUMNS])
        writer.writeheader()
        writer.writerow(given)
    history = (
        "select billing_period_days, source, is_pace_off from whop_marts.plan_history "
        f"where plan_id = '{plan['id']}'"
    )
    with loaded.at_work():
        destination = open_destination("duckdb")
        monkeypatch.setenv(SETTING, str(path))
        with caplog.at_level(logging.WARNING):
            transform(destination)
        assert [record for record in caplog.records if "another pace" in record.getMessage()]
        assert loaded.warehouse.query(history) == [
            {"billing_period_days": 365, "source": "given", "is_pace_off": True}
        ]
        monkeypatch.delenv(SETTING)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            transform(destination)
        assert not [record for record in caplog.records if "another pace" in record.getMessage()]
        assert loaded.warehouse.query(history) == [
            {"billing_period_days": 30, "source": "seen", "is_pace_off": False}
        ]
