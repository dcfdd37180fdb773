"""How customers come: waiting lists, leads, checkout links, and members who bring others.

Every row follows from the lives of the members and the clock; none has a life of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from .lives import Member
from .rows import account_of, public_user
from .seller import Seller, bits_of
from .units import DAY, HOUR, Row, iso, scale_of

_STRANGERS = 1 << 41
"""People who never became members are numbered beyond members and staff."""

_REFERRERS = ("https://x.invalid/post/1", "https://search.invalid/?q=signals", None)


def entries(business: Seller) -> Iterator[tuple[int, Row]]:
    """Who asked to be let in on the plans that have a waiting list."""
    closed = [plan for plan in business.catalogue.plans if plan.visibility == "hidden"]
    for member in business.members if closed else ():
        bits = bits_of(business, "entry", member.number)
        at = member.created_at + HOUR
        plan = closed[bits % len(closed)]
        if bits % 19 or at > business.clock_ms or at < plan.created_at:
            continue
        decided = at + (2 + bits // 19 % 12) * DAY <= business.clock_ms
        final = ("approved", "approved", "denied", "pending")[bits // 256 % 4]
        yield (
            member.number,
            {
                "id": business.ids["entries"].encode(member.number),
                "created_at": iso(at),
                "custom_field_responses": [
                    {"id": f"cfr_e{member.number}", "answer": "yes", "question": "Traded before?"}
                ],
                "plan": {"id": business.ids["plans"].encode(plan.number)},
                "product": {
                    "id": business.ids["products"].encode(plan.product.number),
                    "title": plan.product.title,
                },
                "status": final if decided else "pending",
                "user": account_of(business, member.number),
            },
        )


def leads(business: Seller) -> Iterator[tuple[int, Row]]:
    """Who looked: some members, and some who never bought."""
    for member in business.members:
        if bits_of(business, "lead", member.number) % 9 == 0:
            yield _lead(business, member.number, member.created_at, member)
    for number, at in strangers(business):
        yield _lead(business, number, at, None)


def strangers(business: Seller) -> Iterator[tuple[int, int]]:
    """Number and first visit of those who never became members: one for every three who do."""
    if business.size:
        step = (business.end_ms - business.start_ms) * 3 // business.size
        for count in range((business.clock_ms - business.start_ms) // max(1, step)):
            yield _STRANGERS + count, business.start_ms + count * step


def _lead(business: Seller, number: int, at: int, member: Member | None) -> tuple[int, Row]:
    bits = bits_of(business, "lead", number)
    products = [p for p in business.catalogue.products if p.created_at <= at]
    product = products[bits // 9 % len(products)] if products and bits & 1 << 40 else None
    contacted = at + 3 * DAY <= business.clock_ms and member is None
    return number, {
        "id": business.ids["leads"].encode(number),
        "created_at": iso(at),
        "member": None if member is None else {"id": member.id},
        "metadata": {"stage": "contacted"} if contacted else None,
        "product": (
            None
            if product is None
            else {
                "id": business.ids["products"].encode(product.number),
                "title": product.title,
            }
        ),
        "referrer": _REFERRERS[bits // 81 % len(_REFERRERS)],
        "updated_at": iso(at + 3 * DAY if contacted else at),
        "user": account_of(business, number),
    }


def checkout_configurations(business: Seller) -> Iterator[tuple[int, Row]]:
    """The five links that some first payments come from."""
    for number, plan in enumerate(business.catalogue.plans[:5]):
        if plan.created_at > business.clock_ms:
            continue
        scale = scale_of(plan.currency)
        link = business.ids["checkout_configurations"].encode(number)
        yield (
            number,
            {
                "id": link,
                "affiliate_code": "friend" if number == 1 else None,
                "allow_promo_codes": number != 2,
                "company_id": business.company["id"],
                "created_at": plan.created_at // 1000,
                "currency": None,
                "metadata": {"campaign": number} if number % 2 else None,
                "mode": "payment",
                "payment_method_configuration": (
                    {"disabled": [], "enabled": ["card"], "include_platform_defaults": False}
                    if number == 2
                    else None
                ),
                "plan": {
                    "id": business.ids["plans"].encode(plan.number),
                    "adaptive_pricing_enabled": plan.currency == "usd",
                    "billing_period": plan.days,
                    "currency": plan.currency,
                    "expiration_days": plan.expiration_days,
                    "initial_price": plan.initial / scale,
                    "plan_type": "renewal" if plan.recurring else "one_time",
                    "release_method": "buy_now",
                    "renewal_price": plan.price(business.clock_ms) / scale,
                    "three_ds_level": None,
                    "trial_period_days": plan.trial_days,
                    "visibility": plan.visibility,
                },
                "purchase_url": f"https://whop.invalid/checkout/{link}",
                "redirect_url": "https://room.invalid/thanks" if number else None,
                "three_ds_level": None,
                "updated_at": plan.created_at // 1000,
            },
        )


def affiliates(business: Seller) -> Iterator[tuple[int, Row]]:
    """Members who bring others; their totals grow with time."""
    for member in business.members:
        bits = bits_of(business, "affiliate", member.number)
        at = member.created_at + 20 * DAY
        if bits % 37 or at > business.clock_ms:
            continue
        weeks = (business.clock_ms - at) // (7 * DAY)
        referrals = weeks * (bits // 37 % 4)
        yield (
            member.number,
            {
                "id": business.ids["affiliates"].encode(member.number),
                "active_members_count": referrals // 2,
                "company": {"id": business.company["id"], "title": business.company["title"]},
                "created_at": iso(at),
                "customer_retention_rate": "50.0%" if referrals else "0.0%",
                "customer_retention_rate_ninety_days": "62.5%" if referrals else "0.0%",
                "monthly_recurring_revenue_usd": f"${referrals // 2 * 49:,}.00",
                "status": "active" if bits % 5 else "archived",
                "total_overrides_count": bits % 2,
                "total_referral_earnings_usd": f"${referrals * 14.7:,.2f}",
                "total_referrals_count": referrals,
                "total_revenue_usd": f"${referrals * 49:,}.00",
                "updated_at": iso(at + weeks * 7 * DAY),
                "user": public_user(business, member.number),
            },
        )
