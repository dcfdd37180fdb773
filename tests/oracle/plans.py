"""The plan as it was: its versions, the version a payment was made under, and what comes back.

A plan can be edited; what was paid before goes on meaning what it meant then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from oracle.basics import EARLIEST, LATEST, ZERO, Raw, Row, months_in, rounded
from oracle.money import Payment, in_order_of_payment

WITHOUT_DECIMALS = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
CRYPTO = frozenset(["btc", "eth", "ape", "usdt"])
COLUMNS = (
    *("plan_type", "billing_period_days", "initial_price", "renewal_price", "currency"),
    *("trial_period_days", "split_pay_required_payments"),
)


def smallest_decimals(currency: str | None) -> int:
    """How many decimals the smallest unit of a currency has."""
    if currency in WITHOUT_DECIMALS:
        return 0
    return 9 if currency in CRYPTO else 2


@dataclass(frozen=True)
class Version:
    """What a plan said from one moment to another."""

    plan_id: str
    valid_from: datetime | None
    """None: from ever."""
    valid_to: datetime | None
    plan_type: str | None
    billing_period_days: int | None
    initial_price: Decimal | None
    renewal_price: Decimal | None
    currency: str | None
    trial_period_days: int | None
    split_pay_required_payments: int | None
    source: str

    @property
    def begins(self) -> datetime:
        return self.valid_from or EARLIEST

    @property
    def ends(self) -> datetime:
        return self.valid_to or LATEST

    def holds_between(self, first: datetime, last: datetime) -> bool:
        """Whether it was valid at some time from one moment to another."""
        return self.begins <= last and self.ends > first

    @property
    def is_instalments(self) -> bool:
        return (self.split_pay_required_payments or 0) > 0

    @property
    def is_renewal(self) -> bool:
        return self.plan_type == "renewal" and not self.is_instalments

    @property
    def has_trial(self) -> bool:
        return (self.trial_period_days or 0) > 0


def facts(row: Row) -> dict[str, Any]:
    """What a row of a plan, or of the CSV, says of a version."""
    days = row.get("billing_period_days", row.get("billing_period"))
    return {name: row.get(name) for name in COLUMNS} | {"billing_period_days": days}


class PlanHistory:
    """The versions of every plan of a company, oldest first."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        states: dict[str, list[Row]] = defaultdict(list)
        for row in raw.all("plan_states"):
            states[row["id"]].append(row)
        given: dict[str, list[Row]] = defaultdict(list)
        for row in raw.all("given_plan_versions"):
            # Without a company a row belongs to whichever company has the plan.
            if row.get("company_id") is not None or row["plan_id"] in raw.plans:
                given[row["plan_id"]].append(row)
        self.versions: dict[str, list[Version]] = {}
        for plan_id in sorted({*raw.plans, *states, *given}):
            listed = [raw.plans[plan_id]] if plan_id in raw.plans else []
            seen = list(self.seen(plan_id, states.get(plan_id) or listed))
            told = self.given(plan_id, given.get(plan_id, []), seen)
            self.versions[plan_id] = sorted(
                [*told, *cut_out(seen, told)], key=lambda version: version.begins
            )

    def seen(self, plan_id: str, rows: list[Row]) -> Iterator[Version]:
        """The versions that syncs saw; the same content seen again is no new one."""
        rows = sorted(rows, key=lambda r: (r["_whop_synced_at"], r.get("updated_at") or EARLIEST))
        begun: list[tuple[datetime | None, Row]] = []
        for index, row in enumerate(rows):
            if not index:
                begun.append((None, row))
            elif facts(row) != facts(rows[index - 1]):
                before, here = rows[index - 1]["_whop_synced_at"], row["_whop_synced_at"]
                changed = row.get("updated_at")
                fits = changed is not None and before < changed <= here
                begun.append((changed if fits else here, row))
        for index, (valid_from, row) in enumerate(begun):
            valid_to = begun[index + 1][0] if index + 1 < len(begun) else None
            yield Version(plan_id, valid_from, valid_to, source="seen", **facts(row))

    def given(self, plan_id: str, rows: list[Row], seen: list[Version]) -> list[Version]:
        """The versions that were told by hand; an open end is the next thing that is known."""
        rows = sorted(rows, key=lambda row: row.get("valid_from") or EARLIEST)
        versions = []
        for index, row in enumerate(rows):
            valid_from, valid_to = row.get("valid_from"), row.get("valid_to")
            following = rows[index + 1]["valid_from"] if index + 1 < len(rows) else None
            if valid_to is None and following is None:
                edits = [v.valid_from for v in seen[1:] if v.begins > (valid_from or EARLIEST)]
                valid_to = min((edit for edit in edits if edit), default=None)
            known = [moment for moment in (valid_to, following) if moment]
            versions.append(
                Version(plan_id, valid_from, min(known, default=None), source="given", **facts(row))
            )
        return versions

    def at(self, plan_id: str | None, moment: datetime | None) -> Version | None:
        """The version of a plan at a moment."""
        if moment is None:
            return None
        for version in self.versions.get(plan_id or "", []):
            if version.begins <= moment < version.ends:
                return version
        return None

    def of_membership(self, membership: Row) -> Version | None:
        """The version a membership began under."""
        return self.at(membership.get("plan__id"), membership.get("created_at"))


def cut_out(seen: Iterable[Version], told: Iterable[Version]) -> list[Version]:
    """What is left of the versions that were seen where others were told."""
    left = list(seen)
    for other in told:
        pieces = []
        for version in left:
            if version.ends <= other.begins or other.ends <= version.begins:
                pieces.append(version)
                continue
            if version.begins < other.begins:
                pieces.append(replace(version, valid_to=other.valid_from))
            if other.ends < version.ends:
                pieces.append(replace(version, valid_from=other.valid_to))
        left = pieces
    return left


@dataclass(frozen=True)
class Code:
    """A promo code, as a payment carries it."""

    kind: str | None
    off: Decimal
    currency: str | None
    duration: str | None
    intervals: int | None
    months: int | None

    def covers_one_payment(self, version: Version) -> bool:
        """Whether the next payment will not have it."""
        if self.duration == "once" or self.intervals == 1:
            return True
        if self.duration == "forever" or not self.months or not version.billing_period_days:
            return False
        return self.months <= months_in(version.billing_period_days)

    def taken_off(self, price: Fraction, currency: str | None) -> Fraction:
        """A price after it, in the smallest unit of the currency."""
        if self.kind == "percentage":
            price = price * (100 - Fraction(self.off)) / 100
        elif self.currency in (None, currency):
            price = price - Fraction(self.off)
        else:
            return price
        return Fraction(rounded(max(price, Fraction(0)), smallest_decimals(currency)))


class PlanReader:
    """Finds the version each payment was made under, and what recurs of it."""

    def __init__(self, raw: Raw, history: PlanHistory) -> None:
        self.raw = raw
        self.history = history

    def code(self, payment: Payment) -> Code | None:
        """The payment's promo code: what the payment says of it, else what the code's row says."""
        row = payment.row
        if row.get("promo_code__id") is None:
            return None
        code = self.raw.promo_codes.get(row["promo_code__id"], {})

        def first(own: str, listed: str) -> Any:
            value = row.get(f"promo_code__{own}")
            return code.get(listed) if value is None else value

        intervals = row.get("promo_code__number_of_intervals")
        return Code(
            kind=first("promo_type", "promo_type"),
            off=first("amount_off", "amount_off") or ZERO,
            currency=first("base_currency", "currency"),
            duration=code.get("duration"),
            intervals=intervals,
            months=code.get("promo_duration_months") or intervals,
        )

    def after(self, price: Decimal, payment: Payment, code: Code | None) -> Fraction:
        """A price as this payment would carry it: after a code, without the tax in it."""
        result = Fraction(price)
        if code:
            result = code.taken_off(result, payment.currency)
        charged = payment.row.get("total")
        if payment.row.get("tax_behavior") == "inclusive" and charged and payment.net is not None:
            result = result * Fraction(payment.net) / Fraction(charged)
        return result

    def matches(self, payment: Payment, version: Version) -> bool:
        """Whether a version's price is what was paid."""
        if payment.net is None or version.currency != payment.currency:
            return False
        code = self.code(payment)
        if code and code.covers_one_payment(version):
            code = None
        prices = [version.renewal_price]
        if payment.row.get("billing_reason") in ("subscription_create", "one_time"):
            prices.append(version.initial_price)
        return any(
            self.after(price, payment, code) == Fraction(payment.net)
            for price in prices
            if price is not None
        )

    def versions_of(self, payments: Iterable[Payment]) -> dict[str, Version]:
        """Payment id → the version it was made under, for the payments that are paid."""
        found: dict[str, Version] = {}
        previous: dict[tuple[str, str], Version] = {}
        for payment in sorted(payments, key=in_order_of_payment):
            paid_at, plan_id = payment.paid_at, payment.plan_id
            if not payment.is_paid or paid_at is None or plan_id is None:
                continue
            created_at = self.raw.created_at.get(payment.membership_id or "")
            since = min(created_at or paid_at, paid_at)
            possible = [
                version
                for version in reversed(self.history.versions.get(plan_id, []))
                if version.holds_between(since, paid_at) and self.matches(payment, version)
            ]
            version = possible[0] if possible else None
            if version is None and payment.membership_id:
                version = previous.get((payment.membership_id, plan_id))
            version = version or self.history.at(plan_id, paid_at)
            if version:
                found[payment.id] = version
                if payment.membership_id:
                    previous[payment.membership_id, plan_id] = version
        return found

    def recurring_price(self, payment: Payment, version: Version) -> Fraction:
        """What comes back each period, in the payment's currency."""
        assert payment.net is not None
        code = self.code(payment)
        once = code is not None and code.covers_one_payment(version)
        first = payment.row.get("billing_reason") in ("subscription_create", "subscription_update")
        price = version.renewal_price
        known = price is not None and price > 0 and version.currency == payment.currency
        if known and price is not None and (first or once):
            result = self.after(price, payment, None if once else code)
            return Fraction(rounded(result, 9))
        return Fraction(payment.net)

    def is_trial_fee(self, payment: Payment, version: Version, price: Fraction) -> bool:
        """Whether a first payment is the fee of a trial, or a gift: nobody has decided yet."""
        if payment.row.get("billing_reason") != "subscription_create" or payment.net is None:
            return False
        return (version.has_trial and payment.net < price) or (payment.net == 0 and price > 0)
