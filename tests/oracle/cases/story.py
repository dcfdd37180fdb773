"""A business told in a few lines, and what to ask of its marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from oracle.basics import Marts, Row

AS_OF = "2026-11-01"


def moment(text: str) -> datetime:
    """An ISO 8601 moment, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Story:
    """One company's raw rows; times are UTC, plans 30 days and in dollars unless said."""

    def __init__(self, as_of: str = AS_OF) -> None:
        self.as_of = moment(as_of)
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self.tables["companies"].append({"id": "biz", "_whop_synced_at": self.as_of})

    def add(self, table: str, **row: Any) -> Row:
        self.tables[table].append({"_whop_synced_at": self.as_of, **row})
        return self.tables[table][-1]

    def plan(self, name: str, price: str | int, days: int | None = 30, **row: Any) -> str:
        self.add(
            "plans",
            **{
                "id": name,
                "plan_type": "renewal" if days else "one_time",
                "billing_period": days,
                "renewal_price": Decimal(price),
                "initial_price": Decimal(0),
                "currency": "usd",
                "created_at": moment("2025-01-01"),
                **row,
            },
        )
        return name

    def edited(self, name: str, seen_at: str, edited_at: str | None, **changes: Any) -> None:
        """Another sync, at `seen_at`, found a plan changed."""
        row = next(row for row in self.tables["plans"] if row["id"] == name)
        states = [state for state in self.tables["plan_states"] if state["id"] == name]
        if not states:
            self.add("plan_states", **{**row, "_whop_synced_at": moment("2025-06-01")})
        row |= {"updated_at": moment(edited_at) if edited_at else None, **changes}
        self.add("plan_states", **{**row, "_whop_synced_at": moment(seen_at)})

    def tell(self, **row: Any) -> None:
        """A line of the CSV of what plans were before the first sync."""
        self.tables["given_plan_versions"].append(row)

    def code(self, name: str, off: int, duration: str, **row: Any) -> str:
        self.add(
            "promo_codes",
            **{
                "id": name,
                "code": name.upper(),
                "promo_type": "percentage",
                "amount_off": Decimal(off),
                "duration": duration,
                **row,
            },
        )
        return name

    def membership(self, name: str, plan: str, status: str = "active", **row: Any) -> str:
        known = {"canceled_at", "renewal_period_end", "created_at"}
        row = {k: moment(v) if k in known and v else v for k, v in row.items()}
        self.add(
            "memberships",
            **{"id": name, "plan__id": plan, "status": status, "member__id": f"by_{name}", **row},
        )
        return name

    def pay(self, membership: str, at: str, price: str | int, **row: Any) -> str:
        """A payment; the first of a membership is its creation, and begins it."""
        held = next(row for row in self.tables["memberships"] if row["id"] == membership)
        first = not any(p["membership__id"] == membership for p in self.tables["payments"])
        if first:
            held.setdefault("created_at", moment(at))
        currency = row.get("currency", "usd")
        payment = self.add(
            "payments",
            **{
                "id": f"pay_{len(self.tables['payments']):03}",
                "status": "paid",
                "substatus": "succeeded",
                "currency": currency,
                "settlement_currency": currency,
                "billing_reason": "subscription_create" if first else "subscription_cycle",
                "total": Decimal(price),
                "membership__id": membership,
                "member__id": held["member__id"],
                "plan__id": held["plan__id"],
                "created_at": moment(at),
                "paid_at": moment(at),
                **row,
            },
        )
        return str(payment["id"])

    def pays(self, membership: str, dates: str, price: str | int, **row: Any) -> list[str]:
        """The same payment on each of some dates of 2026, written as `01-05 02-05`."""
        return [self.pay(membership, f"2026-{day}", price, **row) for day in dates.split()]

    def fails(self, membership: str, at: str, price: str | int, status: str = "open") -> None:
        """A charge that did not succeed."""
        self.pay(membership, at, price, status=status, paid_at=None, substatus="past_due")

    def payment(self, payment_id: str) -> Row:
        return next(row for row in self.tables["payments"] if row["id"] == payment_id)

    def refund(self, payment_id: str, at: str, amount: str | int) -> None:
        self.payment(payment_id).update(refunded_at=moment(at), refunded_amount=Decimal(amount))

    def dispute(self, payment_id: str, at: str, amount: str | int | None, status: str) -> None:
        payment = self.payment(payment_id)
        self.add(
            "disputes",
            id=f"dspt_{payment_id}_{len(self.tables['disputes'])}",
            payment__id=payment_id,
            status=status,
            amount=None if amount is None else Decimal(amount),
            currency=payment["currency"],
            created_at=moment(at),
        )


class Answer:
    """The marts of one company, asked for what a situation is about."""

    def __init__(self, marts: Marts) -> None:
        self.marts = marts

    def moves(self) -> list[tuple[str, str, Decimal]]:
        """Day, kind and change of every movement, in order."""
        rows = sorted(
            self.marts["mrr_movements"], key=lambda r: (r["movement_date"], r["member_id"])
        )
        return [
            (f"{r['movement_date']}", r["movement_type"], Decimal(r["mrr_change_usd"]))
            for r in sorted(rows, key=lambda r: (r["movement_date"], r["member_id"]))
        ]

    def mrr(self, day: str) -> Decimal:
        """The company's MRR on a day."""
        on = [r["mrr_usd"] for r in self.marts["mrr_daily"] if f"{r['date']}" == day]
        return Decimal(on[0]) if on else Decimal(0)

    def month(self, month: str, mart: str = "metrics_monthly") -> Row:
        """The row of a month, written as `2026-03`."""
        first = date.fromisoformat(f"{month}-01")
        return next(row for row in self.marts[mart] if row["month"] == first)

    def total(self, column: str, mart: str = "metrics_monthly") -> Decimal:
        return sum((row[column] for row in self.marts[mart]), Decimal(0))

    def subscription(self, membership: str) -> Row:
        found = [r for r in self.marts["fct_subscriptions"] if r["membership_id"] == membership]
        assert len(found) == 1, f"{len(found)} subscriptions {membership}"
        return found[0]

    def why(self, membership: str) -> tuple[str | None, str | None]:
        row = self.subscription(membership)
        return row["churn_type"], row["churn_reason"]

    def period(self, payment: str) -> Row:
        rows = self.marts["fct_subscription_periods"]
        return next(row for row in rows if row["payment_id"] == payment)

    def ends(self) -> list[str]:
        """Where the periods end, in order of their start."""
        rows = sorted(self.marts["fct_subscription_periods"], key=lambda r: r["period_start"])
        return [f"{row['period_end']:%Y-%m-%d}" for row in rows]


@dataclass(frozen=True)
class Case:
    """A situation, and what must come out of it."""

    kind: str
    """Which of the situations it is one of."""
    name: str
    tell: Callable[[Story], None]
    check: Callable[[Answer], None]
    as_of: str = AS_OF

    @property
    def company_id(self) -> str:
        return f"biz {self.kind}: {self.name}"

    def dataset(self) -> dict[str, list[Row]]:
        """Its raw rows, as a company of its own: ids of all tables are made unique."""
        story = Story(self.as_of)
        self.tell(story)
        mine = f"{self.kind}: {self.name}"
        return {
            table: [
                {
                    "company_id": self.company_id,
                    **{
                        name: f"{value} of {mine}" if is_id(name) and value else value
                        for name, value in row.items()
                    },
                }
                for row in rows
            ]
            for table, rows in story.tables.items()
        }

    def own(self, marts: Marts) -> Answer:
        """Its rows of the marts, ids as the story has them."""
        ending = f" of {self.kind}: {self.name}"
        return Answer(
            {
                mart: [
                    {
                        name: value.removesuffix(ending) if isinstance(value, str) else value
                        for name, value in row.items()
                    }
                    for row in rows
                    if row["company_id"] == self.company_id
                ]
                for mart, rows in marts.items()
            }
        )


def is_id(column: str) -> bool:
    return column in ("id", "plan_id") or column.endswith("__id")
