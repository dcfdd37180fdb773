"""Rows as the Current surface shows them, made from those of Legacy: what is renamed, and how.

A shape says of one table what becomes of Legacy's fields; whatever it does not name stays as it is,
fields that nobody has heard of included. Facts are those of whop-sdk 2.6.0 (2026-10-15-1); which
values Whop puts into fields that Legacy does not have is made up here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import current_made as made
from . import current_paid as paid
from .current_account import account_rest
from .current_parts import at, logo, moment, money, summary
from .seller import Seller
from .units import Row

Make = Callable[[Row, Seller], Any]


@dataclass(frozen=True)
class Shape:
    """What becomes of the fields of one table."""

    gone: str = ""
    """Fields of Legacy that Current does not have."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Name on Current → where Legacy has it."""
    money: Mapping[str, str] = field(default_factory=dict)
    """Amounts that become Money → the currency itself, or where Legacy has its name."""
    scaled: Mapping[str, Callable[[Row], Any]] = field(default_factory=dict)
    """Fields of the same name with another value."""
    made: Mapping[str, Make] = field(default_factory=dict)
    """Fields that only Current has, or that it writes otherwise."""
    more: Callable[[Row, Seller], Row] | None = None
    """Fields of one table that are made together."""
    by_id_only: Mapping[str, Make] = field(default_factory=dict)
    """Fields that are null in a list."""

    def taken(self) -> frozenset[str]:
        """Legacy's fields that do not appear under their own names."""
        moved = {path.partition(".")[0] for path in self.renamed.values()}
        return frozenset({*self.gone.split(), *moved})


def _none(*names: str) -> dict[str, Make]:
    return dict.fromkeys(names, lambda row, business: None)


def _given(value: Any) -> Make:
    return lambda row, business: value


def _account_id(row: Row, business: Seller) -> Any:
    """The company's; a row made by hand may name another one."""
    return at(row, "company.id") or business.company["id"]


def _account(*names: str) -> Make:
    def make(row: Row, business: Seller) -> Row:
        known = {**business.company, "logo_url": logo(business), "fees": None}
        known["id"] = _account_id(row, business)
        return {name: known[name] for name in names}

    return make


_SUMMARY = _account("id", "title")
_ID: dict[str, Make] = {"account_id": _account_id}

SHAPES: dict[str, Shape] = {
    "companies": Shape(
        gone="""affiliate_instructions featured_affiliate_product member_count updated_at verified
        published_reviews_count logo owner_user""",
        scaled={"metadata": lambda row: row.get("metadata") or {}},
        made={
            "owner": lambda row, b: summary(row.get("owner_user")),
            "logo_url": lambda row, b: at(row, "logo.url"),
        },
        more=account_rest,
    ),
    "products": Shape(
        gone="company",
        made={"account": _account("id", "title", "route", "logo_url")},
        more=made.product,
    ),
    "plans": Shape(gone="company", made={"account": _SUMMARY}, more=made.plan),
    "promo_codes": Shape(
        gone="company",
        scaled={"amount_off": made.amount_off},
        made={
            "account": _SUMMARY,
            "metadata": lambda row, b: row.get("metadata") or {},
            "updated_at": lambda row, b: row.get("updated_at") or row.get("created_at"),
        },
    ),
    "members": Shape(
        gone="updated_at company",
        renamed={
            "phone_number": "phone",
            "email": "user.email",
            "token_balance": "company_token_balance",
        },
        money={"usd_total_spent": "usd"},
        made={
            **_ID,
            "display_name": made.display_name,
            "last_accessed_at": lambda row, b: row.get("updated_at"),
            "user": lambda row, b: summary(row.get("user")),
        },
    ),
    "memberships": Shape(
        gone="""joined_at currency payment_collection_paused checkout_configuration_id company
        custom_field_responses user""",
        renamed={
            "plan_id": "plan.id",
            "member_id": "member.id",
            "promo_code_id": "promo_code.id",
            "current_period_start": "renewal_period_start",
            "current_period_end": "renewal_period_end",
        },
        scaled={
            "status": lambda row: "active" if row["status"] == "canceling" else row["status"],
            "metadata": lambda row: row.get("metadata") or {},
        },
        made={
            "account": _account("id", "title", "route", "logo_url"),
            "user_id": lambda row, b: at(row, "user.id"),
            "product_id": lambda row, b: at(row, "product.id"),
        },
        more=made.membership,
    ),
    "payments": Shape(
        gone="""company plan product membership member promo_code application_fee card_brand
        card_last4 disputes refunds resolutions financing_transactions settlement_amount
        settlement_currency settlement_exchange_rate payment_method""",
        renamed={
            "last_payment_attempt_at": "last_payment_attempt",
            "next_payment_attempt_at": "next_payment_attempt",
        },
        scaled={"risk_signals": lambda row: None},
        made=_ID,
        more=paid.payment,
        by_id_only={
            "client_secret": paid.client_secret,
            "recovery_url": paid.recovery_url,
            "settlement_time_at": paid.settlement_time,
        },
    ),
    "payment_methods": Shape(more=paid.payment_method),
    "authorized_users": Shape(),
    "team_members": Shape(),
    "apps": Shape(
        gone="company stats",
        made={
            "account": _account("fees", "id", "title", "route", "logo_url"),
            "businesses_created_count": _given(0),
            "businesses_created_logo_urls": _given([]),
            "businesses_with_recent_sales_count": _given(0),
            "domains": _given([]),
            "elements_used": _given([]),
            "marketplace_status": _given("live_marketplace"),
            "oauth_client_type": _given("public"),
            "required_scopes": _given([]),
            "default_api_key": made.default_api_key,
            "preview_token": made.preview_token,
            **_none(
                "app_store_description",
                "banner_image",
                "deployment",
                "imported_from_url",
                "product_id",
                "production_android_build",
                "production_ios_build",
            ),
        },
        more=made.app,
    ),
    "users": Shape(more=made.user),
    "files": Shape(more=made.file),
    "refunds": Shape(
        gone="currency amount",
        renamed={"payment_id": "payment.id"},
        made={
            **_ID,
            "updated_at": lambda row, b: row.get("updated_at") or row.get("created_at"),
            "reason": _given("requested_by_customer"),
            "visa_rdr": _given(False),
            **_none("metadata"),
        },
        more=paid.refund,
    ),
    "disputes": Shape(
        gone="company visa_rdr plan product",
        renamed={"evidence_due_at": "needs_response_by", "evidence_editable": "editable"},
        made={
            **_ID,
            "plan_id": lambda row, b: at(row, "plan.id"),
            "product_id": lambda row, b: at(row, "product.id"),
            "updated_at": lambda row, b: row.get("updated_at") or row.get("created_at"),
        },
        more=paid.dispute,
    ),
    "dispute_alerts": Shape(
        gone="dispute",
        renamed={
            "fee_charged": "charge_for_alert",
            "payment_id": "payment.id",
            "transaction_at": "transaction_date",
            "type": "alert_type",
        },
        made={
            **_ID,
            "reported_at": lambda row, b: row.get("created_at"),
            "updated_at": lambda row, b: row.get("updated_at") or row.get("created_at"),
        },
        more=paid.dispute_alert,
    ),
    "invoices": Shape(more=paid.invoice),
    "entries": Shape(
        gone="plan product user",
        made={
            **_ID,
            "plan_id": lambda row, b: at(row, "plan.id"),
            "product_id": lambda row, b: at(row, "product.id"),
            "user_id": lambda row, b: at(row, "user.id"),
            "metadata": _given({}),
            "updated_at": lambda row, b: row.get("updated_at") or row.get("created_at"),
            **_none("approval_failure_reason", "buyer_account_id", "membership_id"),
        },
    ),
    "leads": Shape(),
    "experiences": Shape(),
    "affiliates": Shape(),
    "company_token_transactions": Shape(),
    "checkout_configurations": Shape(
        gone="company_id allow_promo_codes",
        scaled={
            "created_at": partial(moment, "created_at"),
            "updated_at": partial(moment, "updated_at"),
        },
        made={**_ID, "effective_payment_method_configuration": made.payment_configuration},
    ),
    "setup_intents": Shape(
        gone="checkout_configuration company error_message member payment_method",
        made=_ID,
        more=paid.setup_intent,
    ),
    "shipments": Shape(
        gone="delivery_estimate service substatus",
        renamed={"payment_id": "payment.id", "tracking_number": "tracking_code"},
        made={**_ID, "tracking_url": made.tracking_url, "checkpoints": _given([])},
    ),
    "reviews": Shape(gone="company", made={"account": _account("id", "title", "route")}),
    "payment_fees": Shape(
        gone="amount currency name type",
        more=paid.fee,
    ),
    "transfers": Shape(
        gone="amount currency destination_ledger_account_id fee_amount origin_ledger_account_id",
        more=paid.transfer,
    ),
    "financial_activity": Shape(),
    "payouts": Shape(),
}
_TAKEN = {name: shape.taken() for name, shape in SHAPES.items()}


def current_row(table: str, row: Row, business: Seller, *, listed: bool) -> Row:
    """A row of Legacy, with all its fields, as Current shows it in a list or by id."""
    shape, taken = SHAPES[table], _TAKEN[table]
    new = {
        name: value for name, value in row.items() if name not in taken and not name.startswith("_")
    }
    for name, path in shape.renamed.items():
        new[name] = at(row, path)
    for name, currency in shape.money.items():
        new[name] = money(row.get(name), currency)
    for name, scale in shape.scaled.items():
        if name in row:
            new[name] = scale(row)
    for name, make in shape.made.items():
        new[name] = make(row, business)
    if shape.more is not None:
        new |= shape.more(row, business)
    for name, make in shape.by_id_only.items():
        new[name] = None if listed else make(row, business)
    return new
