"""What other tables say of a business that is made up: states of memberships, refunds, disputes."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle.basics import Row
from oracle.business import SMALLEST, Business


def see_memberships(b: Business) -> None:
    """States of every membership as syncs saw them, ending in the present one."""
    for membership in b.tables["memberships"]:
        stamps = ("_dlt_id", "_dlt_load_id", "_whop_deleted_at")
        present = {k: v for k, v in membership.items() if k not in stamps}
        seen = membership["created_at"]
        states = [{**present, "status": "active", "canceled_at": None, "cancel_option": None}]
        if b.random.random() < 0.5:
            states.append({**states[0], "status": "past_due"})
        if b.random.random() < 0.3:  # canceled and un-canceled
            states.append({**states[0], "status": "canceling", "canceled_at": seen})
            states.append(dict(states[0]))
        if b.random.random() < 0.3:  # days given by hand for a while
            given = seen + timedelta(days=b.random.uniform(20, 90))
            states.append({**states[0], "renewal_period_end": given})
        states.append(present)
        deleted_at = membership.get("_whop_deleted_at")
        if deleted_at and b.random.random() < 0.5:
            states.append({**present, "_whop_deleted_at": deleted_at})
        for index, state in enumerate(states):
            seen = min(seen + timedelta(days=b.random.uniform(1, 40)), b.synced_at)
            seen += timedelta(milliseconds=index)
            if index < len(states) - 1:  # Whop's word for it: in time, much too late, or none
                late = b.random.choice((-0.4, -3, -60, 2, None))
                state["updated_at"] = seen + timedelta(days=late) if late else None
            copies = b.random.choice((1, 1, 1, 2))
            for copy in range(copies):  # a replay after a crash
                b.add(
                    "membership_states",
                    {**state, "_whop_synced_at": seen + timedelta(microseconds=copy * 400)},
                )


def list_refunds_and_disputes(b: Business) -> None:
    """What the tables of refunds and disputes say of the payments: more, less, or otherwise."""
    dice = random.Random(f"lists of {b.company_id}")
    for payment in b.tables["payments"]:
        paid_at, refunded_at = payment["paid_at"], payment.get("refunded_at")
        amount = payment.get("refunded_amount") or Decimal(0)
        first = paid_at or refunded_at or payment["created_at"] or b.synced_at

        def add(
            share: Decimal,
            at: datetime | None,
            payment: Row = payment,
            **changes: Any,
        ) -> None:
            b.add(
                "refunds",
                {
                    "id": b.new_id("rfnd"),
                    "payment__id": payment["id"],
                    "amount": share.quantize(SMALLEST),
                    "currency": payment["currency"],
                    "status": "succeeded",
                    "created_at": at,
                    **changes,
                },
            )

        def moment(first: datetime = first, last: datetime | None = refunded_at) -> datetime:
            """Between the payment and its last refund, or some time after."""
            last = last or min(first + timedelta(days=40), b.synced_at)
            return first + (last - first) * dice.random()

        if amount:
            way = dice.choice(("one", "parts", "parts", "parts", "first", "none", "more"))
            if way in ("one", "more"):
                add(amount, dice.choice((refunded_at, refunded_at, None)))
            if way == "more":  # the payment was read before its last refund
                add(amount / 4, moment())
            if way in ("parts", "first"):
                shares = dice.choice((("0.25",), ("0.1", "0.3"), ("0.5", "0.2", "0.1")))
                for share in shares:
                    add((amount * Decimal(share)), moment())
                if way == "parts":  # the last one takes what the others have left
                    left = amount * (1 - sum(map(Decimal, shares)))
                    rounded = sum((amount * Decimal(s)).quantize(SMALLEST) for s in shares)
                    add(amount - rounded if left else left, refunded_at)
        elif payment["total"] and dice.random() < 0.03:  # the payment does not know of it yet
            add(payment["total"] * dice.choice((Decimal(1), Decimal("0.4"))), moment())
        if payment["total"] and dice.random() < 0.05:
            add(
                payment["total"],
                moment(),
                status=dice.choice(("pending", "failed", "canceled")),
            )
        if payment["total"] and dice.random() < 0.02:
            add(payment["total"], moment(), currency="gbp")
        if payment["total"] and dice.random() < 0.02:
            add(payment["total"], moment(), _whop_deleted_at=b.synced_at)

        said = payment.get("dispute_alerted_at") or "dispute" in (payment["substatus"] or "")
        if dice.random() < (0.6 if said else 0.03):
            for _ in range(dice.choice((1, 1, 2))):
                b.add(
                    "disputes",
                    {
                        "id": b.new_id("dspt"),
                        "payment__id": payment["id"],
                        "status": dice.choice(("needs_response", "won", "lost")),
                        **dispute_amount(payment, dice),
                        "created_at": dice.choice((moment(), moment(), None)),
                    },
                )


def dispute_amount(payment: Row, dice: random.Random) -> Row:
    """All of a payment, a part of it, or what nobody says; now and then in pounds."""
    share = dice.choice((Decimal(1), Decimal(1), Decimal("0.6"), None))
    known = share is not None and payment["total"] is not None
    amount = (payment["total"] * (share or 1)).quantize(SMALLEST) if known else None
    currency = dice.choice((*(payment["currency"],) * 9, "gbp"))
    return {"amount": amount, "currency": currency}
