"""What makes an outlook: cards that expire, affiliates, codes of declines.

It hangs on ids alone and takes nothing from a business's random numbers: the rest stays as it was.
"""

from __future__ import annotations

from zlib import crc32

from oracle.basics import Row


def give_outlooks(tables: dict[str, list[Row]]) -> None:
    """Cards to some payments, affiliates and prices of their own to some memberships."""
    company = tables["companies"][0]
    cards: dict[str, Row] = {}
    for payment in tables.get("payments", []):
        number = crc32(str(payment.get("membership__id") or payment["id"]).encode())
        if payment.get("status") != "paid":
            payment["decline_code"] = (None, "insufficient_funds", "expired_card", "")[number % 4]
        if number % 3:
            card_id = f"payt_{number:08x}_{company['company_id']}"
            payment["payment_method__id"] = card_id
            cards[card_id] = {
                "id": card_id,
                "company_id": company["company_id"],
                "_whop_synced_at": company["_whop_synced_at"],
                "_dlt_load_id": "1700000000.0",
                "_dlt_id": f"card{number:010x}",
                "card__exp_month": number // 3 % 13,  # 0 is no month
                "card__exp_year": (2025, 25, 2026, 2024, 1999)[number // 39 % 5],
            }
    if cards:
        tables["payment_methods"] = [*tables.get("payment_methods", []), *cards.values()]
    for membership in tables.get("memberships", []):
        number = crc32(membership["id"].encode())
        if number % 5 == 0:
            membership["affiliate__id"] = f"aff_{number // 5 % 3}_{company['company_id']}"
        if number % 7 == 0:
            # What the newer surface says of the next charge.
            membership["renewal_price"] = 10 + number // 7 % 40
