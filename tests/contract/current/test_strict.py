"""The reading that is stricter than the client's: each kind of fault is found."""

from __future__ import annotations

from typing import Any

import pytest
from whop_sdk.types.refund import Refund

from .strict import faults

MONEY = {"amount": "1.00", "currency": "usd", "decimals": 2, "display_decimals": 2}
GOOD: dict[str, Any] = {
    "id": "rf_1",
    "amount": MONEY,
    "created_at": "2026-01-01T00:00:00.000Z",
    "original_amount": MONEY,
    "payment_id": "pay_1",
    "provider": "stripe",
    "status": "succeeded",
    "updated_at": "2026-01-01T00:00:00.000Z",
    "visa_rdr": False,
}


def test_what_is_as_documented_has_no_fault() -> None:
    assert [*faults(Refund, GOOD)] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": "red"}, "colour: not in Refund"),
        ({"status": "gone"}, "status: unknown value 'gone'"),
        ({"visa_rdr": None}, "visa_rdr: no bool"),
        ({"visa_rdr": 1}, "visa_rdr: no bool"),
        ({"amount": 1.0}, "amount: no Money"),
        ({"amount": {**MONEY, "amount": 1.0}}, "amount.amount: no str"),
        ({"metadata": []}, "metadata: no object"),
    ],
)
def test_a_fault_is_named(change: dict[str, Any], told: str) -> None:
    (found,) = faults(Refund, {**GOOD, **change})
    assert told in found


def test_what_is_required_is_missed() -> None:
    (found,) = faults(Refund, {name: value for name, value in GOOD.items() if name != "provider"})
    assert "provider: missing, Refund requires it" in found
