"""Where the rows of each resource come from, and how one of them is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import company, delivered, ledger_rows, money, rows, treasury, visitors
from .current_made import INVITES, invite, team_member
from .endpoints import BY_RESOURCE
from .people import User, person
from .seller import Seller
from .tables import PlainRow, finished
from .units import Row, iso


def _users(business: Seller) -> list[User]:
    key = business.key
    people = [(m.number, m.created_at) for m in business.members if not m.deleted]
    people += [(e.person, e.created_at) for e in _staff(business)]
    people += visitors.strangers(business)
    return [User(number, at, person(key, number).username) for number, at in people]


def _staff(business: Seller) -> list[company.Employee]:
    if not business.staffed:
        return []
    clock = business.clock_ms
    return company.staff(business.key, business.start_ms, clock, business.ids["users"])


def _plain(
    items: Callable[[Seller], Iterable[Any]], render: Callable[[Any, Seller], Row]
) -> Generator:
    """For the few rows of the seller's side: rendered once, and filtered by what they say."""

    def make(business: Seller) -> list[PlainRow]:
        clock = business.clock_ms
        return [
            PlainRow(render(item, business), item.number, clock)
            for item in items(business)
            if item.created_at <= clock
        ]

    return Generator(make)


def _apps(business: Seller) -> list[company.App]:
    if not business.staffed:
        return []
    return company.apps(business.key, business.start_ms, business.end_ms, business.clock_ms)


def _team(business: Seller) -> list[PlainRow]:
    """The staff, and who was asked to join it."""
    clock = business.clock_ms
    found = [
        PlainRow(team_member(item.row, business), item.number, clock)
        for item in business.tables["authorized_users"].rows()
    ]
    if business.staffed:
        asked = (invite(place, business) for place in range(2))
        now = iso(clock)
        found += [
            PlainRow(row, INVITES + place, clock)
            for place, row in enumerate(asked)
            if row["created_at"] <= now
        ]
    return found


@dataclass(frozen=True)
class Generator:
    """Where the rows of one resource come from: its items, and how one of them is written."""

    items: Callable[[Seller], list[Any]]
    render: Callable[[Any, Seller], Row] | None = None
    whole: Callable[[Row, Seller], Row] | None = None
    """Makes the object of a row, where it shows more than fields that the list leaves out."""


GENERATORS: dict[str, Generator] = {
    "companies": Generator(lambda b: [PlainRow(rows.company(b), 0, b.clock_ms)]),
    "products": _plain(lambda b: b.catalogue.products, rows.product),
    "plans": _plain(lambda b: b.catalogue.plans, rows.plan),
    "promo_codes": _plain(lambda b: b.catalogue.promos, rows.promo_code),
    "apps": _plain(_apps, rows.app),
    "authorized_users": _plain(_staff, rows.authorized_user),
    "members": Generator(lambda b: b.members, rows.member),
    "memberships": Generator(
        lambda b: [item for m in b.members for item in m.memberships], rows.membership
    ),
    "payments": Generator(lambda b: [item for m in b.members for item in m.payments], rows.payment),
    "payment_methods": Generator(
        lambda b: [item for m in b.members for item in m.methods if not item.removed],
        rows.payment_method,
    ),
    "users": Generator(_users, rows.user),
    "files": Generator(finished(delivered.files)),
    "refunds": Generator(finished(money.refunds), whole=money.whole_refund),
    "disputes": Generator(finished(money.disputes), whole=money.whole_dispute),
    "transfers": Generator(finished(treasury.transfers), whole=treasury.whole_transfer),
    "dispute_alerts": Generator(finished(money.dispute_alerts), whole=money.whole_dispute_alert),
    **{
        generate.__name__: Generator(finished(generate))
        for generate in (
            money.invoices,
            visitors.entries,
            visitors.leads,
            delivered.experiences,
            visitors.checkout_configurations,
            money.setup_intents,
            visitors.affiliates,
            delivered.shipments,
            delivered.reviews,
        )
    },
    "team_members": Generator(_team),
    "financial_activity": Generator(lambda b: b.ledger.lines(), ledger_rows.line_row),
    "payouts": Generator(lambda b: b.ledger.payouts(), ledger_rows.payout_row),
    "company_token_transactions": _plain(
        lambda b: [m for m in b.members if not m.deleted and rows.tokens(m, b)],
        rows.token_transaction,
    ),
}


def show(resource: str, item: Any, business: Seller, *, listed: bool = False) -> Row:
    """What the API says about one item of a table: in its list, or asked for by its id."""
    hidden = BY_RESOURCE[resource].object_only if listed and resource in BY_RESOURCE else ()
    generator = GENERATORS[resource]
    if isinstance(item, PlainRow):
        row = {
            name: value
            for name, value in item.row.items()
            if name not in hidden and not name.startswith("_")
        }
        return row if listed or generator.whole is None else generator.whole(row, business)
    assert generator.render is not None
    row = generator.render(item, business)
    for name in hidden:
        del row[name]
    return row


def full(resource: str, item: Any, business: Seller) -> Row:
    """Everything that is known of one item, what is not served included."""
    if isinstance(item, PlainRow):
        return item.row
    render = GENERATORS[resource].render
    assert render is not None
    return render(item, business)
