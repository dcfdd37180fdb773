"""What a line of the ledger is of and worth, and what payments have cost by it."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from oracle.basics import Raw, Row, rounded, sum_or_none

COMPONENTS = {
    "payment_gross": "gross",
    "payment_gross_reversal": "gross",
    "payment_refund": "refunds",
    "payment_refund_reversal": "refunds",
    "payment_dispute": "disputes",
    "payment_dispute_reversal": "disputes",
    "payment_dispute_fee": "dispute_fees",
    "withdrawal": "payouts",
    "withdrawal_reversal": "payouts",
    "withdrawal_fee": "payout_fees",
    "withdrawal_fee_reversal": "payout_fees",
    "sales_tax_remittance": "taxes",
    "currency_conversion_incoming": "conversions",
    "currency_conversion_outgoing": "conversions",
    "platform_balance_transfer_incoming": "transfers",
    "platform_balance_transfer_outgoing": "transfers",
    "topup": "transfers",
    "airdrop": "other",
    "a_type_nobody_knows": "other",
}
"""What the lines of the made-up ledgers are of, but for fees."""


def component_of(row: Row) -> str:
    """What a line is of."""
    known = COMPONENTS.get(row["line_type"])
    if known:
        return known
    assert row["line_type"].endswith(("_fee", "_fee_reversal")), row["line_type"]
    return "payment_fees" if row.get("payment__id") else "other_fees"


def fees_in_usd(raw: Raw) -> dict[str, Decimal]:
    """The fees of each payment that the ledger has whole, in US dollars."""
    gross: set[str] = set()
    fees: dict[str, list[Decimal | None]] = defaultdict(list)
    for row in raw.table("financial_activity"):
        payment_id = row.get("payment__id")
        component = component_of(row)
        if payment_id and component == "gross":
            gross.add(payment_id)
        elif payment_id and component == "payment_fees":
            fees[payment_id].append(in_usd(row))
    known = {payment_id: sum_or_none(fees[payment_id]) for payment_id in gross}
    return {payment_id: -usd for payment_id, usd in known.items() if usd is not None}


def in_usd(row: Row) -> Decimal | None:
    """A line in US dollars."""
    usd: Decimal | None = amount_of(row) if row["currency"] == "usd" else row.get("usd_amount")
    return usd


def amount_of(row: Row) -> Decimal:
    """A line in its currency."""
    return rounded(row["amount"] / row["precision"], 9)
