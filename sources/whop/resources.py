"""The tables of the Whop source, one row of data each; adding a table means adding a row.

Facts about the API come from the types of the official client (`whop-sdk` 0.0.41) and from Whop's
developer documentation, as of November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ColumnType = Literal["text", "bigint", "bool", "decimal", "timestamp", "json"]

Changes = Literal["everything", "updated_after", "live_statuses", "recent_action", "full_only"]
"""How a table's rows that changed after they were created are found:

- `everything`: the list is short, every run reads it whole.
- `updated_after`: the list filters on the time of the last change.
- `live_statuses`: only rows in a live status change unasked; every run reads all of those, and by
  id the rows that have left that set since the last run.
- `recent_action`: the list can be walked from the most recent action back to the last run.
- `full_only`: nothing tells; the full pass re-reads them all.
"""

LIVE_MEMBERSHIP_STATUSES = (
    "trialing",
    "active",
    "past_due",
    "unresolved",
    "canceling",
    "drafted",
    "completed",
)
"""Statuses in which a membership changes unasked (a renewal, a lapse; `completed` still expires).
The others, canceled and expired, are ends: one that comes back to life is in this list again."""

OPEN_PAYMENT_STATUSES = ("draft", "open", "pending", "unresolved")
"""Payment statuses that are not final: asked for when the server refuses `updated_after`."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What Whop offers for one table, and how the sync uses it."""

    name: str
    """Table name, and name of the dlt resource."""
    path: str
    """Path of the list under the base URL; `{path}/{id}` is one object."""
    permissions: tuple[str, ...]
    """Permissions of the API key that the list asks for, by the official client's docstrings; a
    403 is reported with them. Lacking only e-mail or phone, Whop may leave those fields empty."""
    columns: Mapping[str, ColumnType]
    """Documented columns and their types; nesting is written the dlt way (`user__id`)."""
    changes: Changes
    created_after: bool = True
    """Whether the list filters on creation (`created_after`, `created_before`)."""
    created_at: bool = True
    """Whether rows carry `created_at`; without it the cursor is the server's own time."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Parameters every list request sends."""
    tenant: str | None = "company_id"
    """Parameter that names the company; None when the table is read by the company's own id."""
    company_column: str | None = "company__id"
    """Column that says whose row it is; None when rows do not say."""
    proven_by_id: bool = False
    """List rows leave the company out and the list has been seen to ignore the tenant parameter:
    its first and last row are read by id, where the company is named."""
    listed: bool = True
    """False: there is no list for one company, the object is read by id."""
    refers_to: Mapping[str, str] = field(default_factory=dict)
    """Column → table it points into; objects that the table's list leaves out are read by id."""
    personal: tuple[str, ...] = ()
    """Columns with names, e-mails, phones and addresses, and JSON that a person has filled in."""
    secrets: tuple[str, ...] = ()
    """Fields that are credentials: the client removes them from every answer."""

    @property
    def ranged(self) -> bool:
        """Whether its lists come by creation and can be asked so: then they are walked in ranges
        of time side by side, and a full pass can stop and go on later.

        A table that is read whole by every run is short, and is not worth it.
        """
        return self.created_after and self.created_at and self.changes != "everything"


def _columns(**types: str) -> dict[str, ColumnType]:
    """Spell columns as `type="name name"`, in one mapping; `id` comes first."""
    columns: dict[str, ColumnType] = {"id": "text"}
    for kind, names in types.items():
        for name in names.split():
            columns[name] = kind  # type: ignore[assignment]
    return columns


_ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code", "country")
_ADDRESSES = tuple(
    f"{kind}_address__{part}" for kind in ("billing", "shipping") for part in _ADDRESS
)
_PERSON = ("user__username", "user__name", "user__email")
_USER = " ".join(("user__id", *_PERSON))
_CREATED_ASC = {"order": "created_at", "direction": "asc"}
"""Oldest first: rows that arrive while a list is walked land behind the walk, not before it."""

RESOURCES: tuple[Resource, ...] = (
    Resource(
        name="companies",
        path="/companies",
        permissions=("company:basic:read",),
        # GET /companies lists what the key's user owns, so a configured company is read by its id.
        listed=False,
        tenant=None,
        company_column="id",
        created_after=False,
        changes="everything",
        personal=("owner_user__username", "owner_user__name"),
        columns=_columns(
            text="title route description target_audience affiliate_instructions logo__url "
            "owner_user__id owner_user__username owner_user__name "
            "featured_affiliate_product__id featured_affiliate_product__name",
            bigint="member_count published_reviews_count",
            bool="verified send_customer_emails",
            timestamp="created_at updated_at",
            json="metadata social_links",
        ),
    ),
    Resource(
        name="products",
        path="/products",
        permissions=("access_pass:basic:read",),
        # A tenant name it does not know made this list answer with the whole marketplace.
        proven_by_id=True,
        created_after=False,
        params=_CREATED_ASC,
        changes="everything",
        personal=("owner_user__username", "owner_user__name"),
        columns=_columns(
            text="title route headline description visibility external_identifier "
            "company__id company__route company__title custom_cta custom_cta_url "
            "custom_statement_descriptor global_affiliate_status member_affiliate_status "
            "owner_user__id owner_user__username owner_user__name "
            "product_tax_code__id product_tax_code__name product_tax_code__product_type",
            bigint="member_count published_reviews_count",
            decimal="global_affiliate_percentage member_affiliate_percentage",
            bool="verified",
            timestamp="created_at updated_at",
            json="metadata gallery_images",
        ),
    ),
    Resource(
        name="plans",
        path="/plans",
        permissions=("plan:basic:read",),
        tenant="account_id",
        company_column="account__id",
        params=_CREATED_ASC,
        changes="everything",
        refers_to={"product__id": "products"},
        columns=_columns(
            text="title description plan_type visibility release_method currency internal_notes "
            "account__id account__title account__route product__id product__title purchase_url "
            "tax_type three_ds_level",
            bigint="billing_period expiration_days trial_period_days member_count stock "
            "split_pay_required_payments",
            decimal="initial_price renewal_price",
            bool="adaptive_pricing_enabled unlimited_stock collect_tax",
            timestamp="created_at updated_at",
            json="metadata invoice payment_method_configuration custom_fields",
        ),
    ),
    Resource(
        name="promo_codes",
        path="/promo_codes",
        permissions=("promo_code:basic:read", "access_pass:basic:read"),
        changes="everything",
        refers_to={"product__id": "products"},
        columns=_columns(
            text="code status promo_type currency duration product__id product__title "
            "company__id company__title",
            bigint="stock uses promo_duration_months",
            decimal="amount_off",
            bool="unlimited_stock churned_users_only existing_memberships_only new_users_only "
            "one_per_customer",
            timestamp="created_at expires_at",
        ),
    ),
    Resource(
        name="members",
        path="/members",
        permissions=("member:basic:read", "member:email:read", "member:phone:read"),
        params=_CREATED_ASC,
        changes="recent_action",
        personal=("phone", *_PERSON),
        columns=_columns(
            text=f"status access_level phone most_recent_action {_USER} "
            "company__id company__route company__title",
            decimal="usd_total_spent company_token_balance",
            timestamp="created_at updated_at joined_at most_recent_action_at",
        ),
    ),
    Resource(
        name="memberships",
        path="/memberships",
        permissions=("member:basic:read", "member:email:read"),
        params=_CREATED_ASC,
        changes="live_statuses",
        personal=(*_PERSON, "metadata", "custom_field_responses"),
        refers_to={"plan__id": "plans", "product__id": "products", "promo_code__id": "promo_codes"},
        columns=_columns(
            text="status cancel_option cancellation_reason currency license_key manage_url "
            f"{_USER} member__id plan__id product__id product__title promo_code__id company__id "
            "company__title checkout_configuration_id",
            bool="cancel_at_period_end payment_collection_paused",
            timestamp="created_at updated_at joined_at canceled_at renewal_period_start "
            "renewal_period_end",
            json="metadata plan__metadata product__metadata custom_field_responses",
        ),
    ),
    Resource(
        name="payments",
        path="/payments",
        permissions=(
            "payment:basic:read",
            "plan:basic:read",
            "access_pass:basic:read",
            "member:basic:read",
            "member:email:read",
            "member:phone:read",
            "promo_code:basic:read",
        ),
        # Without include_free the list leaves out zero-amount rows: trials and free plans.
        params={**_CREATED_ASC, "include_free": "true"},
        changes="updated_after",
        personal=(
            *_PERSON,
            *_ADDRESSES,
            "member__phone",
            "membership__phone_number",
            "metadata",
            "risk_signals",
        ),
        refers_to={"plan__id": "plans", "product__id": "products", "promo_code__id": "promo_codes"},
        columns=_columns(
            text="status substatus currency settlement_currency billing_reason card_brand "
            "card_last4 payment_method_type payment_method__id "
            "payment_method__payment_method_type payment_method__card__brand "
            "payment_method__card__last4 failure_message tax_behavior member__id member__phone "
            f"membership__id membership__status membership__phone_number plan__id "
            f"plan__internal_notes product__id product__title product__route {_USER} "
            "promo_code__id promo_code__code promo_code__promo_type promo_code__base_currency "
            f"company__id company__route company__title application_fee__id "
            f"application_fee__currency checkout_configuration_id {' '.join(_ADDRESSES)}",
            bigint="payments_failed payment_method__card__exp_month payment_method__card__exp_year "
            "promo_code__number_of_intervals financing_installments_count risk_score",
            decimal="total subtotal tax_amount usd_total amount_after_fees refunded_amount "
            "promo_code__amount_off application_fee__amount application_fee__amount_captured "
            "application_fee__amount_refunded settlement_amount settlement_exchange_rate "
            "tax_refunded_amount",
            bool="auto_refunded refundable retryable voidable three_ds_verified",
            timestamp="created_at updated_at paid_at refunded_at dispute_alerted_at "
            "last_payment_attempt next_payment_attempt payment_method__created_at "
            "application_fee__created_at",
            json="metadata plan__metadata product__metadata disputes refunds resolutions "
            "financing_transactions risk_signals",
        ),
    ),
    Resource(
        name="payment_methods",
        path="/payment_methods",
        permissions=("member:payment_methods:read",),
        # A company-wide row does not say whose it is: payments carry payment_method__id.
        company_column=None,
        params={"direction": "asc"},
        changes="full_only",
        personal=("cashapp__cashtag",),
        columns=_columns(
            text="typename payment_method_type card__brand card__last4 "
            "us_bank_account__bank_name us_bank_account__account_type us_bank_account__last4 "
            "cashapp__cashtag cashapp__buyer_id ideal__bank ideal__bic sepa_debit__bank_code "
            "sepa_debit__branch_code sepa_debit__country sepa_debit__last4",
            bigint="card__exp_month card__exp_year",
            timestamp="created_at",
        ),
    ),
    Resource(
        name="authorized_users",
        path="/authorized_users",
        permissions=("company:authorized_user:read", "member:email:read"),
        created_at=False,
        changes="everything",
        personal=_PERSON,
        columns=_columns(text=f"role company__id company__title {_USER}"),
    ),
    Resource(
        name="apps",
        path="/apps",
        permissions=(),
        created_after=False,
        created_at=False,
        params={"order": "created_at", "direction": "asc"},
        changes="everything",
        personal=("creator__username", "creator__name"),
        secrets=("api_key", "secrets"),
        columns=_columns(
            text="name description app_type status route domain_id base_url hosted_url origin "
            "icon__url dashboard_path discover_path experience_path openapi_path skills_path "
            "creator__id creator__username creator__name company__id company__title "
            "production_web_build__id production_web_build__status "
            "production_web_build__checksum production_web_build__file_url",
            bigint="stats__dau stats__wau stats__mau stats__time_spent_last24_hours",
            bool="verified",
            json="redirect_uris requested_permissions",
        ),
    ),
)

BY_NAME: Mapping[str, Resource] = {resource.name: resource for resource in RESOURCES}

REFERRED_TABLES = ("promo_codes", "plans", "products")
"""Tables that other tables name rows of, in the order to read them: plans and promo codes name
products."""
