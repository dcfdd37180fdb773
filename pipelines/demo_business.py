"""The demo's invented business in a process of its own: its answers take no turns with who asks.

It is started by the demo, told in a line how late it is, says in a line where it answers, and ends
when the demo closes its standard input: also one that was killed leaves nothing behind.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta

from whop_simulator import DEFAULT_CLOCK, Business, serve
from whop_simulator.units import iso, to_ms

DECIDED_AFTER = timedelta(days=3)
"""How long after the first demo a bank charges a payment back."""


def main() -> None:
    """Serve the business that is asked for until there is no more to read."""
    if not (line := sys.stdin.readline()):
        return
    asked = json.loads(line)
    clock = datetime.fromisoformat(asked["clock"])
    business = business_at(clock, asked["members"], asked["years"])
    # Made when it is first asked for, which others would have to wait for.
    business.ledger.lines()
    with serve(business) as server:
        told = {
            "api_key": server.api_key,
            "base_url": server.base_url,
            "company_id": server.businesses[0].company_id,
        }
        print(json.dumps(told), flush=True)
        sys.stdin.read()


def business_at(clock: datetime, members: int, years: float) -> Business:
    """The demo's business, and what a bank has decided there once it is later.

    A payment of the month before is charged back, with effect from that month's end: what the
    second demo tells of is a closed month that has moved, as those of real businesses do.
    """
    business = Business(members=members, years=years)
    if clock == DEFAULT_CLOCK:
        return business
    payment_id = _paid_last_by_who_left(business)
    business.advance_to(min(DEFAULT_CLOCK + DECIDED_AFTER, clock))
    if payment_id and business.clock < clock:
        month = DEFAULT_CLOCK.replace(day=1, hour=0)
        row = business.row("payments", payment_id)
        row["substatus"] = "dispute_lost"
        row["dispute_alerted_at"] = iso(to_ms(month - timedelta(days=2)))
        row["updated_at"] = iso(business.clock_ms)
        business.put("payments", row)
    business.advance_to(clock)
    return business


def _paid_last_by_who_left(business: Business) -> str | None:
    """A payment of the middle of last month: the last of a membership that is over by now."""
    month = (DEFAULT_CLOCK.replace(day=1) - timedelta(days=1)).replace(day=8, hour=0)
    begins, ends = to_ms(month), to_ms(month + timedelta(days=14))
    for member in business.members:
        last = {payment.membership: payment for payment in member.payments}
        for membership, payment in last.items():
            if (
                membership is not None
                and membership.status == "canceled"
                and membership.plan.recurring
                and payment.substatus == "succeeded"
                and payment.total
                and begins <= (payment.paid_at or 0) < ends
            ):
                return payment.id
    return None


if __name__ == "__main__":
    main()
