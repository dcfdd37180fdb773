"""Whop's own statistics, as `GET /stats/time_series/{metric}` has them: Whop's rules, not ours.

The metrics, their units and what each is of are those of Whop's "Stats" page. Where that page is
silent, what a seller measured at Whop counts: a month's MRR is that of its first day, ARR is twelve
times MRR, both are told anew when a payment is refunded or lost, and periods in which nothing
happened are left out of some metrics and 0 in others. That a subscription which is in its trial,
paused, or not paid for in time is no active one follows from the names of Whop's statuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Literal

from .lives import Payment
from .paging import one
from .refusal import Refused
from .seller import Seller
from .units import DAY, Row, is_amount, ms_of, scale_of, usd_rate

Unit = Literal["currency", "percent", "count"]
Sums = dict[tuple[str, int], float]
"""Amounts in major units by currency and day since 1970."""

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Metric:
    """What can be charted, and how a period's value comes of the days in it."""

    name: str
    unit: Unit
    of: Literal["sum", "first", "rate"]
    description: str
    by_currency: bool = False
    sparse: bool = True
    """Whether periods in which nothing happened are left out."""


METRICS: Mapping[str, Metric] = {
    "gross_revenue": Metric(
        "Gross revenue", "currency", "sum", "Earnings before refunds or fees.", by_currency=True
    ),
    "total_refunded": Metric(
        "Total refunded", "currency", "sum", "What buyers got back.", by_currency=True
    ),
    "fees": Metric("Fees", "currency", "sum", "All fees.", by_currency=True, sparse=False),
    "net_revenue": Metric(
        "Net revenue", "currency", "sum", "What is kept after refunds, disputes and fees.",
        sparse=False,
    ),
    "disputes": Metric("Disputes", "count", "sum", "Disputes opened."),
    "monthly_recurring_revenue": Metric(
        "MRR", "currency", "first", "A month of the active subscriptions.", by_currency=True,
        sparse=False,
    ),
    "annual_recurring_revenue": Metric(
        "ARR", "currency", "first", "MRR times twelve.", by_currency=True, sparse=False
    ),
    "churn_rate": Metric("Churn rate", "percent", "rate", "Paying members who left."),
}  # fmt: skip


@dataclass(slots=True)
class _Sale:
    """A payment that was paid, in minor units of its currency."""

    currency: str
    total: int
    tax: int
    paid_at: int
    refunds: Sequence[tuple[int, int]]
    disputed_at: int | None
    lost: bool
    subscription: str | None
    member: str | None
    days: int | None
    price: int
    """What a period costs."""
    is_trial: bool
    is_paused: bool

    @property
    def refunded(self) -> int:
        return sum(amount for _, amount in self.refunds)


def _sale(item: Payment) -> _Sale | None:
    plan = item.plan
    if item.status != "paid" or item.paid_at is None:
        return None
    added = item.tax or 0 if plan is not None and plan.tax_type == "exclusive" else 0
    price = item.total - added
    first = item.reason in ("subscription_create", "subscription_update")
    if plan is not None and first:
        price = plan.price(item.created_at)
        promo = item.promo
        if promo is not None and promo.charges > 1:
            less = price * promo.amount // 100 if promo.kind == "percentage" else promo.amount
            price = max(0, price - less)
    return _Sale(
        item.currency,
        item.total,
        item.tax or 0,
        item.paid_at,
        item.refunds,
        item.dispute_alerted_at,
        item.substatus == "dispute_lost",
        item.membership_id,
        item.member_id,
        None if plan is None else plan.days,
        price,
        plan is not None
        and item.reason == "subscription_create"
        and plan.trial_days is not None
        and item.total - added < price,
        item.membership is not None and item.membership.paused,
    )


def _sale_by_hand(row: Row, business: Seller) -> _Sale | None:
    """The same of a row made by hand; of one that holds nonsense there is none."""

    def inside(name: str) -> Any:
        return row[name].get("id") if isinstance(row.get(name), dict) else None

    def minor(value: Any) -> int:
        return round(value * scale) if is_amount(value) else 0

    try:
        if row["status"] != "paid" or row.get("paid_at") is None or not is_amount(row["total"]):
            return None
        paid_at, scale = ms_of(row["paid_at"]), scale_of(row["currency"])
        refunds = []
        if minor(row.get("refunded_amount")):
            at = ms_of(row["refunded_at"]) if row.get("refunded_at") else paid_at
            refunds.append((at, minor(row["refunded_amount"])))
        alerted = row.get("dispute_alerted_at")
        disputed_at = None if alerted is None else ms_of(alerted)
        usd_rate(row["currency"], 0)
    except (KeyError, TypeError, ValueError):
        return None
    plans, memberships = business.tables["plans"], business.tables["memberships"]
    found = plans.find(inside("plan")) if inside("plan") else None
    plan: Row = {} if found is None else found.row
    held = memberships.find(inside("membership")) if inside("membership") else None
    days = plan.get("billing_period") if plan.get("plan_type") == "renewal" else None
    tax = minor(row.get("tax_amount"))
    price = minor(row["total"]) - (tax if row.get("tax_behavior") == "exclusive" else 0)
    is_trial = False
    if row.get("billing_reason") == "subscription_create" and minor(plan.get("renewal_price")):
        is_trial = bool(plan.get("trial_period_days")) and price < minor(plan["renewal_price"])
        price = minor(plan["renewal_price"])
    return _Sale(
        row["currency"],
        minor(row["total"]),
        tax,
        paid_at,
        refunds,
        disputed_at,
        row.get("substatus") == "dispute_lost",
        inside("membership"),
        inside("member"),
        days if isinstance(days, int) and days > 0 else None,
        price,
        is_trial,
        held is not None and bool(_paused(held)),
    )


def _paused(membership: Any) -> bool:
    row = getattr(membership, "row", None)
    return bool(row.get("payment_collection_paused") if row is not None else membership.paused)


def months_in(days: int) -> float:
    """How many months a period has: whole ones where it is about as long."""
    whole = round(days / 30.4375)
    return whole if whole >= 1 and 28 * whole <= days <= 31 * whole else days / 30.4375


class Charts:
    """The statistics of one business, made when they are asked for."""

    def __init__(self, business: Seller) -> None:
        self._business = business
        self._kept: dict[str, Any] = {}

    def forget(self) -> None:
        """Something has happened: they are to be made anew."""
        self._kept = {}

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def points(self, metric: str, since: date, until: date, interval: str) -> dict[date, Any]:
        """Value by first day of the period: a number, or one by currency of those in several."""
        chart = METRICS[metric]
        until = min(until, _day(self._business.clock_ms))
        starts = [*_starts(since, until, interval)]
        if chart.of == "rate":
            return self._churn(starts, until)
        sums: Sums = self._once(metric, partial(self._sums, metric))
        found: dict[date, dict[str, float]] = {start: {} for start in starts}
        for (currency, number), value in sums.items():
            day = _EPOCH + timedelta(days=number)
            start = _start(day, interval)
            if not since <= day <= until or (chart.of == "first" and day != max(start, since)):
                continue
            start = max(start, starts[0])
            found[start][currency] = found[start].get(currency, 0.0) + value
        return {start: value for start, value in found.items() if value or not chart.sparse}

    def _sales(self) -> list[_Sale]:
        def made() -> Iterator[_Sale]:
            for item in self._business.tables["payments"].rows():
                if isinstance(item, Payment):
                    sale = _sale(item)
                else:
                    sale = _sale_by_hand(item.row, self._business)
                if sale is not None:
                    yield sale

        sales: list[_Sale] = self._once("sales", lambda: [*made()])
        return sales

    def _sums(self, metric: str) -> Sums:
        sums: Sums = defaultdict(float)

        def add(currency: str, at: int, minor: float) -> None:
            sums[currency, at // DAY] += minor / scale_of(currency)

        if metric in ("monthly_recurring_revenue", "annual_recurring_revenue"):
            times = 12 if metric.startswith("annual") else 1
            return {key: value * times for key, value in self._recurring().items()}
        if metric == "disputes":
            for sale in self._sales():
                if sale.disputed_at is not None:
                    sums["", sale.disputed_at // DAY] += 1
            return sums
        sign = -1 if metric == "net_revenue" else 1
        if metric in ("gross_revenue", "net_revenue"):
            for sale in self._sales():
                add(sale.currency, sale.paid_at, sale.total)
        if metric in ("total_refunded", "net_revenue"):
            for sale in self._sales():
                for at, amount in sale.refunds:
                    add(sale.currency, at, sign * amount)
        if metric in ("fees", "net_revenue"):
            for line in self._business.ledger.lines():
                if "_fee" in line.line_type:
                    add(line.currency, line.posted_at, -sign * line.amount)
        if metric == "net_revenue":
            for line in self._business.ledger.lines():
                if line.line_type in ("payment_dispute", "payment_dispute_reversal"):
                    add(line.currency, line.posted_at, line.amount)
            for sale in self._sales():
                # Tax is withheld, and what of it goes back to a buyer is no longer.
                add(sale.currency, sale.paid_at, -sale.tax)
                for at, amount in sale.refunds:
                    add(sale.currency, at, sale.tax * amount / sale.total if sale.total else 0)
        return sums

    def _spans(self) -> list[tuple[_Sale, int, int]]:
        """Each period that an active subscription has been paid for: first day, and day after."""
        by_subscription: dict[str, list[_Sale]] = defaultdict(list)
        for sale in self._sales():
            if sale.subscription is not None and sale.days is not None:
                by_subscription[sale.subscription].append(sale)
        today = self._business.clock_ms // DAY
        spans = []
        for sales in by_subscription.values():
            sales.sort(key=lambda sale: sale.paid_at)
            for place, sale in enumerate(sales):
                assert sale.days is not None
                end = (sale.paid_at + sale.days * DAY) // DAY
                if place + 1 < len(sales):
                    end = min(end, sales[place + 1].paid_at // DAY)
                elif sale.is_paused:
                    end = min(end, today)
                given_back = sale.refunded >= sale.total > 0
                if sale.price > 0 and not (given_back or sale.lost or sale.is_trial):
                    spans.append((sale, sale.paid_at // DAY, end))
        return spans

    def _recurring(self) -> Sums:
        steps: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        for sale, first, end in self._once("spans", self._spans):
            if end > first:
                monthly = sale.price / scale_of(sale.currency) / months_in(sale.days)
                steps[sale.currency][first] += monthly
                steps[sale.currency][end] -= monthly
        sums: Sums = {}
        today = self._business.clock_ms // DAY
        for currency, changes in steps.items():
            level = 0.0
            for day in range(min(changes), today + 1):
                level += changes.get(day, 0.0)
                sums[currency, day] = level
        return sums

    def _churn(self, starts: list[date], until: date) -> dict[date, float]:
        spans = self._once("spans", self._spans)
        found = {}
        for place, start in enumerate(starts):
            last = starts[place + 1] - timedelta(days=1) if place + 1 < len(starts) else until
            before, after = (start - _EPOCH).days - 1, (last - _EPOCH).days
            had = {sale.member for sale, first, end in spans if first <= before < end}
            have = {sale.member for sale, first, end in spans if first <= after < end}
            if had:
                found[start] = round(100 * len(had - have) / len(had), 2)
        return found


def answer(metric: str, business: Seller, given: Mapping[str, Sequence[str]]) -> Row:
    """A metric's answer; raises Refused."""
    chart = METRICS.get(metric)
    if chart is None:
        raise Refused(404, f"No such metric: {metric}")
    query = {name: values for name, values in given.items() if name != "account_id"}
    since, until = (_date(one(query, name), name) for name in ("from", "to"))
    interval = one(query, "interval") or "day"
    if interval not in ("day", "month"):
        raise Refused(400, f"Unsupported interval: {interval}")
    if (one(query, "time_zone") or "UTC") != "UTC" or (one(query, "convert_to") or "usd") != "usd":
        raise Refused(400, "The simulator charts in UTC and in usd only.")
    breakdown, currency = one(query, "breakdown_by"), one(query, "currency")
    unsupported = [*query]
    if not chart.by_currency:
        unsupported += [name for name, value in (("currency", currency),) if value]
    if breakdown not in ((None, "currency") if chart.by_currency else (None,)):
        unsupported.append(str(breakdown))
    if unsupported:
        raise Refused(400, f"Unsupported parameter(s) for {metric}: {', '.join(unsupported)}")
    points = business.charts.points(metric, since, until, interval)
    shown: list[Row] = []
    for start, value in points.items():
        if isinstance(value, dict):
            native = {key: v for key, v in value.items() if currency in (None, key)}
            rates = {key: 1.0 if breakdown or currency else _rate(key, start) for key in native}
            value = sum(amount * rates[key] for key, amount in native.items())
        else:
            native = {}
        shown_as = round(value) if chart.unit == "count" else round(value, 2)
        point: Row = {"timestamp": _seconds(start), "value": shown_as}
        if breakdown:
            point["breakdown"] = [
                {"name": name, "value": round(amount, 2)} for name, amount in native.items()
            ]
        shown.append(point)
    data: Row = {"points": shown}
    if chart.unit == "currency":
        data["currency"] = "usd"
    return {"data": data}


def catalogue() -> Row:
    """What can be charted."""
    return {
        "data": [
            {
                "key": key,
                "name": metric.name,
                "unit": metric.unit,
                "description": metric.description,
                "properties": ["currency"] if metric.by_currency else [],
            }
            for key, metric in METRICS.items()
        ]
    }


def _rate(currency: str, at: date) -> float:
    return usd_rate(currency, (at - _EPOCH).days) if currency else 1.0


def _day(ms: int) -> date:
    return _EPOCH + timedelta(days=ms // DAY)


def _date(text: str | None, name: str) -> date:
    if text is None:
        raise Refused(400, f"Missing required parameter: {name}")
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise Refused(400, f"Invalid value for {name}: {text}") from None


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _start(day: date, interval: str) -> date:
    return day.replace(day=1) if interval == "month" else day


def _starts(since: date, until: date, interval: str) -> Iterator[date]:
    """First day of every period, the first of which may begin before."""
    day = _start(since, interval)
    while day <= until:
        yield day
        day = day + timedelta(days=1) if interval == "day" else _month_after(day)


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
