"""Members, products, plans, codes and companies, each with what it brought in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from oracle.basics import Raw, Row, total
from oracle.churn import Churn
from oracle.money import Payment, money_sums
from oracle.mrr import Mrr
from oracle.periods import Period
from oracle.revenue import is_sale


class Dimensions:
    """What a company has, and what it is worth."""

    def __init__(self, raw: Raw, payments: list[Payment], mrr: Mrr, churn: Churn) -> None:
        self.raw = raw
        self.payments = payments
        self.mrr = mrr
        self.churn = churn

    def mrr_now(self, belongs: Callable[[Period], bool]) -> Row:
        """MRR and customers of today, of the periods that belong."""
        now = [
            period
            for period in self.mrr.periods
            if belongs(period) and self.mrr.calendar.covers(period, self.raw.today)
        ]
        return {
            "mrr_usd": total(period.mrr for period in now),
            "customers": len({period.member_id for period in now}),
        }

    def sums(self, payments: Iterable[Payment], *names: str) -> Row:
        sums = money_sums(payments, lambda day: True)
        return {name: sums[name] for name in names}

    def dim_members(self) -> list[Row]:
        known = {row["id"] for row in self.raw.table("members")}
        listed = {row["id"] for row in self.raw.table("members") if not row.get("_whop_deleted_at")}
        # Also whoever Whop does not list, but has a membership or a payment.
        known |= {m["member__id"] for m in self.raw.memberships.values() if m.get("member__id")}
        known |= {p.member_id for p in self.payments if p.member_id}
        cohorts = self.mrr.cohorts()
        rows = []
        for member in sorted(known):
            own = [p for p in self.payments if p.member_id == member]
            paid = [p.paid for p in own if p.paid and is_sale(p)]
            mrr = self.mrr.of_member(member, self.raw.today)
            sums = money_sums(own, lambda day: True)
            rows.append(
                {
                    "member_id": member,
                    "first_paid_date": min(paid, default=None),
                    "last_paid_date": max(paid, default=None),
                    **{f"lifetime_{name}": amount for name, amount in sums.items()},
                    "mrr_usd": mrr,
                    "cohort_month": cohorts.get(member),
                    "is_customer": mrr > 0,
                    "is_listed": member in listed,
                }
            )
        return rows

    def member_contacts(self) -> list[Row]:
        """Who the members are, for those who may know."""
        columns = {"user_id": "user__id", "name": "user__name", "username": "user__username"}
        columns["email"] = "user__email"
        return [
            {"member_id": row["id"], **{name: row.get(raw) for name, raw in columns.items()}}
            for row in self.raw.table("members")
        ]

    def dim_products(self) -> list[Row]:
        """Also those that Whop no longer lists, or that only a plan or a payment names."""
        products = self.raw.products
        known = set(products)
        known |= {r["product__id"] for r in self.raw.plans.values() if r.get("product__id")}
        known |= {p.product_id for p in self.payments if p.product_id}
        return [
            {
                "product_id": product_id,
                "title": products.get(product_id, {}).get("title"),
                "is_listed": product_id in products
                and products[product_id].get("_whop_deleted_at") is None,
                **self.mrr_now(lambda period, own=product_id: period.payment.product_id == own),  # type: ignore[misc]
                **self.sums(
                    (p for p in self.payments if p.product_id == product_id),
                    *("gross_usd", "refunded_usd", "charged_back_usd", "net_usd"),
                ),
            }
            for product_id in sorted(known)
        ]

    def dim_plans(self) -> list[Row]:
        columns = ("plan_type", "currency", "renewal_price", "initial_price")
        products = self.raw.products
        return [
            {
                "plan_id": row["id"],
                "product_id": row.get("product__id"),
                "billing_period_days": row.get("billing_period"),
                **{name: row.get(name) for name in columns},
                "product_title": products.get(row.get("product__id") or "", {}).get("title"),
                "is_listed": row.get("_whop_deleted_at") is None,
                **self.mrr_now(lambda period, own=row["id"]: period.payment.plan_id == own),  # type: ignore[misc]
                **self.sums(
                    (p for p in self.payments if p.plan_id == row["id"]),
                    *("gross_usd", "refunded_usd", "charged_back_usd", "net_usd"),
                ),
            }
            for row in self.raw.plans.values()  # also those that Whop no longer lists
        ]

    def dim_promo_codes(self) -> list[Row]:
        subscriptions = self.churn.fct_subscriptions()
        rows = []
        for row in self.raw.table("promo_codes"):
            bought = [p for p in self.payments if p.row.get("promo_code__id") == row["id"]]
            paid = [p for p in bought if p.is_paid and p.paid]
            began = [s for s in subscriptions if s["promo_code_id"] == row["id"]]
            rows.append(
                {
                    "promo_code_id": row["id"],
                    "code": row.get("code"),
                    "payments_count": len(paid),
                    "members_count": len({p.member_id for p in paid if p.member_id}),
                    **self.sums(bought, "gross_usd", "refunded_usd"),
                    "subscriptions_count": len(began),
                    "subscriptions_active": sum(1 for s in began if s["is_active"]),
                    "subscriptions_mrr_usd": total(s["mrr_usd"] for s in began),
                    "subscriptions_net_usd": total(s["lifetime_net_usd"] for s in began),
                }
            )
        return rows

    def dim_companies(self) -> list[Row]:
        return [{"title": row.get("title")} for row in self.raw.table("companies")]
