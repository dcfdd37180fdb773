"""One row per resource: its path, what it accepts, how it sorts, and what a key must be allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "in", "any", "is", "true", "after", "before", "text", "free", "shown", "least", "most",
    "after_unix", "before_unix",
]  # fmt: skip
Tenant = Literal["own", "required", "everywhere", "none"]
ErrorShape = Literal["nested", "flat", "list"]


def words(text: str) -> tuple[str, ...]:
    """The words of a text: long lists of names read better without quotes."""
    return tuple(text.split())


EMAIL = "member:email:read"
PHONE = "member:phone:read"
DISPUTES = "payment:dispute:read"
RESOLUTIONS = "payment:resolution_center_case:read"


@dataclass(frozen=True)
class Filter:
    """A query parameter, the property of a row it looks at, and the values it may have."""

    name: str
    facet: str
    kind: Kind
    among: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Values whose rows a list leaves out when the parameter is not given."""


@dataclass(frozen=True)
class Endpoint:
    """Everything the simulator knows about one resource."""

    resource: str
    prefix: str
    permissions: tuple[str, ...] = ()
    object_permissions: tuple[str, ...] = ()
    listed: bool = True
    tenant: Tenant = "own"
    """Without it: the key's own company, an error, every company's rows; or no such parameter."""
    tenant_name: str = "company_id"
    ignores_unknown_tenant: bool = False
    tenant_or: str | None = None
    """A filter that may stand in for the tenant, but not beside it."""
    filters: tuple[Filter, ...] = ()
    orders: tuple[tuple[str, str], ...] = (("created_at", "created_at"),)
    """Name of the order and the property it sorts by; the first one is the default."""
    takes_order: bool = True
    takes_direction: bool = True
    required: tuple[str, ...] = ()
    """Filters without which the list is refused."""
    object_only: tuple[str, ...] = ()
    """Fields of the object that a list leaves out."""
    object_parameters: tuple[str, ...] = ()
    public_object: bool = False
    """Whether anybody's object may be read, not just those of the key's companies."""
    errors: ErrorShape = "nested"

    @property
    def path(self) -> str:
        """The path of the list."""
        return f"/{self.resource}"


CREATED = (
    Filter("created_after", "created_at", "after"),
    Filter("created_before", "created_at", "before"),
)

ACCESS_LEVELS = ("no_access", "admin", "customer")
APP_TYPES = ("b2b_app", "b2c_app", "company_app", "component")
APP_VIEWS = ("hub", "discover", "dash", "dashboard", "analytics", "skills", "openapi")
BILLING_REASONS = words(
    """subscription_create subscription_cycle subscription_update one_time manual subscription"""
)
CANCEL_OPTIONS = words(
    """too_expensive switching missing_features technical_issues bad_experience other testing"""
)
CURRENCIES = words(
    """usd sgd inr aud brl cad dkk eur nok gbp sek chf hkd huf jpy mxn myr pln czk nzd aed eth ape
    cop ron thb bgn idr dop php try krw twd vnd pkr clp uyu ars zar dzd tnd mad kes kwd jod all xcd
    amd bsd bhd bob bam khr crc xof egp etb gmd ghs gtq gyd ils jmd mop mga mur mdl mnt nad ngn mkd
    omr pyg pen qar rwf sar rsd lkr tzs ttd uzs rub btc cny usdt kzt awg whop_usd xau"""
)
MEMBER_ACTIONS = words(
    """canceling churned finished_split_pay paused paid_subscriber paid_once expiring joined
    drafted left trialing pending_entry renewing past_due"""
)
MEMBER_STATUSES = ("drafted", "joined", "left")
MEMBERSHIP_STATUSES = words(
    """trialing active past_due completed canceled expired unresolved drafted canceling"""
)
PAYMENT_STATUSES = ("draft", "open", "paid", "pending", "uncollectible", "unresolved", "void")
PAYMENT_SUBSTATUSES = words(
    """succeeded pending failed past_due canceled price_too_low uncollectible refunded auto_refunded
    partially_refunded dispute_warning dispute_needs_response dispute_warning_needs_response
    resolution_needs_response dispute_under_review dispute_warning_under_review
    resolution_under_review dispute_won dispute_warning_closed resolution_won dispute_lost
    dispute_closed resolution_lost drafted incomplete unresolved open_dispute
    open_resolution"""
)
DISPUTE_PERMISSIONS = (DISPUTES, "payment:basic:read")
ENTRY_STATUSES = ("drafted", "pending", "approved", "denied")
INVOICE_STATUSES = ("draft", "open", "paid", "past_due", "uncollectible", "void")
PROMO_STATUSES = ("active", "inactive", "archived")
ROLES = words(
    """owner admin sales_manager moderator advertiser app_manager support manager custom"""
)
VISIBILITIES = words("""visible hidden archived quick_link all not_quick_link not_archived""")

ENDPOINTS = (
    Endpoint(
        resource="companies",
        prefix="biz",
        permissions=("company:basic:read",),
        tenant="none",
        filters=(Filter("parent_company_id", "parent_company_id", "is"), *CREATED),
        takes_order=False,
        object_only=("affiliate_instructions", "featured_affiliate_product", "social_links"),
    ),
    Endpoint(
        resource="products",
        prefix="prod",
        permissions=("access_pass:basic:read",),
        tenant="everywhere",
        ignores_unknown_tenant=True,
        filters=(
            Filter(
                "access_pass_types[]",
                "access_pass_type",
                "in",
                ("regular", "app", "experience_upsell", "api_only"),
            ),
            Filter("visibilities[]", "visibility", "shown", VISIBILITIES, ("hidden", "archived")),
        ),
        orders=(("created_at", "created_at"), ("id", "id")),
        object_only=words(
            """company custom_cta custom_cta_url custom_statement_descriptor description
            gallery_images global_affiliate_percentage global_affiliate_status
            member_affiliate_percentage member_affiliate_status owner_user product_tax_code"""
        ),
        public_object=True,
        errors="flat",
    ),
    Endpoint(
        resource="plans",
        prefix="plan",
        permissions=("plan:basic:read",),
        tenant="required",
        tenant_name="account_id",
        filters=(
            Filter("plan_types[]", "plan_type", "in", ("renewal", "one_time")),
            Filter("product_ids[]", "product_id", "in"),
            Filter("release_methods[]", "release_method", "in", ("buy_now", "waitlist")),
            Filter("visibilities[]", "visibility", "shown", VISIBILITIES, ("archived",)),
            *CREATED,
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("active_members_count", "member_count"),
            ("internal_notes", "internal_notes"),
            ("expiration_days", "expiration_days"),
        ),
        object_only=("collect_tax", "custom_fields", "tax_type"),
        public_object=True,
        errors="flat",
    ),
    Endpoint(
        resource="promo_codes",
        prefix="promo",
        permissions=("promo_code:basic:read", "access_pass:basic:read"),
        tenant="required",
        filters=(
            Filter("status", "status", "is", PROMO_STATUSES),
            Filter("product_ids[]", "product_id", "in"),
            Filter("plan_ids[]", "plan_ids", "any"),
            *CREATED,
        ),
        takes_order=False,
        takes_direction=False,
        object_only=("company",),
    ),
    Endpoint(
        resource="members",
        prefix="mber",
        permissions=("member:basic:read",),
        filters=(
            Filter("access_level", "access_level", "is", ACCESS_LEVELS),
            Filter("statuses[]", "status", "in", MEMBER_STATUSES),
            Filter("most_recent_actions[]", "action", "in", MEMBER_ACTIONS),
            Filter("user_ids[]", "user_id", "in"),
            Filter("plan_ids[]", "plan_ids", "any"),
            Filter("product_ids[]", "product_ids", "any"),
            Filter("promo_code_ids[]", "promo_code_ids", "any"),
            Filter("query", "search", "text"),
            *CREATED,
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("usd_total_spent", "usd_total_spent"),
            ("joined_at", "joined_at"),
            ("most_recent_action", "action_at"),
        ),
        object_only=("company",),
    ),
    Endpoint(
        resource="memberships",
        prefix="mem",
        permissions=("member:basic:read",),
        tenant="required",
        filters=(
            Filter("statuses[]", "status", "in", MEMBERSHIP_STATUSES),
            Filter("cancel_options[]", "cancel_option", "in", CANCEL_OPTIONS),
            Filter("user_ids[]", "user_id", "in"),
            Filter("plan_ids[]", "plan_id", "in"),
            Filter("product_ids[]", "product_id", "in"),
            Filter("promo_code_ids[]", "promo_code_id", "in"),
            *CREATED,
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("status", "status"),
            ("canceled_at", "canceled_at"),
            ("date_joined", "joined_at"),
            ("total_spend", "total_spend"),
        ),
        object_only=("custom_field_responses",),
    ),
    Endpoint(
        resource="payments",
        prefix="pay",
        permissions=words(
            """payment:basic:read plan:basic:read access_pass:basic:read member:basic:read
            promo_code:basic:read"""
        ),
        filters=(
            Filter("statuses[]", "status", "in", PAYMENT_STATUSES),
            Filter("substatuses[]", "substatus", "in", PAYMENT_SUBSTATUSES),
            Filter("billing_reasons[]", "reason", "in", BILLING_REASONS),
            Filter("currencies[]", "currency", "in", CURRENCIES),
            Filter("plan_ids[]", "plan_id", "in"),
            Filter("product_ids[]", "product_id", "in"),
            Filter("checkout_configuration_ids[]", "checkout_configuration_id", "in"),
            Filter("include_free", "is_free", "free"),
            Filter("query", "search", "text"),
            *CREATED,
            Filter("updated_after", "updated_at", "after"),
            Filter("updated_before", "updated_at", "before"),
        ),
        orders=(
            ("created_at", "created_at"),
            ("final_amount", "final_amount"),
            ("paid_at", "paid_at"),
        ),
        object_only=words(
            """disputes financing_installments_count financing_transactions refunds resolutions
            risk_score risk_signals settlement_amount settlement_exchange_rate tax_refunded_amount
            three_ds_verified"""
        ),
    ),
    Endpoint(
        resource="apps",
        prefix="app",
        object_permissions=("developer:manage_api_key", "developer:update_app"),
        tenant="everywhere",
        filters=(
            Filter("app_type", "app_type", "is", APP_TYPES),
            Filter("view_type", "view_type", "any", APP_VIEWS),
            Filter("verified_apps_only", "verified", "true"),
            Filter("query", "search", "text"),
        ),
        orders=(
            ("discoverable_at", "created_at"),
            ("created_at", "created_at"),
            *(
                (name, "use")
                for name in words(
                    """total_installs_last_30_days total_installs_last_7_days time_spent
                    time_spent_last_24_hours daily_active_users ai_prompt_count total_ai_cost_usd
                    total_ai_tokens last_ai_prompt_at ai_average_rating"""
                )
            ),
        ),
        object_only=words(
            """api_key production_web_build redirect_uris requested_permissions secrets stats"""
        ),
        errors="list",
    ),
    Endpoint(
        resource="authorized_users",
        prefix="ausr",
        permissions=("company:authorized_user:read",),
        filters=(
            Filter("role", "role", "is", ROLES),
            Filter("user_id", "user_id", "is"),
            *CREATED,
        ),
        takes_order=False,
        takes_direction=False,
        errors="list",
    ),
    Endpoint(
        resource="payment_methods",
        prefix="pmtk",
        permissions=("member:payment_methods:read",),
        tenant="required",
        tenant_or="member_id",
        filters=(Filter("member_id", "member_id", "is"), *CREATED),
        takes_order=False,
        object_parameters=("company_id", "member_id"),
    ),
    Endpoint(
        resource="users",
        prefix="user",
        listed=False,
        object_parameters=words("account_id include_balance_history from to interval time_zone"),
        public_object=True,
        errors="flat",
    ),
    Endpoint(resource="files", prefix="file", listed=False),
    Endpoint(
        resource="company_token_transactions",
        prefix="ctt",
        tenant="required",
        permissions=("company_token_transaction:read", "member:basic:read", "company:basic:read"),
        filters=(
            Filter("transaction_type", "transaction_type", "is", ("add", "subtract", "transfer")),
            Filter("user_id", "user_id", "is"),
        ),
        takes_order=False,
        takes_direction=False,
    ),
    Endpoint(
        resource="refunds",
        prefix="rfnd",
        permissions=("payment:basic:read",),
        object_permissions=("plan:basic:read", "access_pass:basic:read", "member:basic:read"),
        filters=(
            Filter("payment_id", "payment_id", "is"),
            Filter("user_id", "_user_id", "is"),
            *CREATED,
        ),
        takes_order=False,
    ),
    Endpoint(
        resource="disputes",
        prefix="dspt",
        tenant="required",
        permissions=(
            *DISPUTE_PERMISSIONS,
            "plan:basic:read",
            "access_pass:basic:read",
            "company:basic:read",
        ),
        object_permissions=("member:basic:read",),
        filters=CREATED,
        takes_order=False,
    ),
    Endpoint(
        resource="dispute_alerts",
        prefix="dspa",
        tenant="required",
        permissions=("payment:dispute_alert:read", *DISPUTE_PERMISSIONS),
        object_permissions=("member:basic:read",),
        filters=CREATED,
        takes_order=False,
    ),
    Endpoint(
        resource="invoices",
        prefix="inv",
        permissions=("invoice:basic:read",),
        filters=(
            Filter("statuses[]", "status", "in", INVOICE_STATUSES),
            Filter(
                "collection_methods[]",
                "_collection_method",
                "in",
                ("send_invoice", "charge_automatically"),
            ),
            Filter("product_ids[]", "_product_id", "in"),
            *CREATED,
        ),
        orders=(("created_at", "created_at"), ("id", "id"), ("due_date", "due_date")),
    ),
    Endpoint(
        resource="entries",
        prefix="entry",
        tenant="required",
        permissions=("plan:waitlist:read",),
        filters=(
            Filter("statuses[]", "status", "in", ENTRY_STATUSES),
            Filter("plan_ids[]", "plan_id", "in"),
            Filter("product_ids[]", "product_id", "in"),
            *CREATED,
        ),
        orders=(("created_at", "created_at"), ("id", "id")),
        object_only=("custom_field_responses",),
    ),
    Endpoint(
        resource="leads",
        prefix="lead",
        tenant="required",
        permissions=("lead:basic:read", "access_pass:basic:read", "member:basic:read"),
        filters=(Filter("product_ids[]", "product_id", "in"), *CREATED),
        takes_order=False,
        takes_direction=False,
    ),
    Endpoint(
        resource="experiences",
        prefix="exp",
        tenant="required",
        filters=(
            Filter("product_id", "_product_id", "is"),
            Filter("app_id", "app_id", "is"),
            *CREATED,
        ),
        takes_order=False,
        takes_direction=False,
        object_only=("products",),
    ),
    Endpoint(
        resource="checkout_configurations",
        prefix="ch",
        tenant="required",
        permissions=("checkout_configuration:basic:read",),
        filters=(
            Filter("plan_id", "plan_id", "is"),
            Filter("created_after", "created_at", "after_unix"),
            Filter("created_before", "created_at", "before_unix"),
        ),
    ),
    Endpoint(
        resource="setup_intents",
        prefix="sint",
        tenant="required",
        permissions=("payment:setup_intent:read", "member:basic:read"),
        filters=CREATED,
        takes_order=False,
        object_only=("three_ds_verified",),
    ),
    Endpoint(
        resource="affiliates",
        prefix="aff",
        tenant="required",
        permissions=("affiliate:basic:read",),
        filters=(
            Filter("status", "status", "is", ("active", "archived", "deleted")),
            Filter("query", "search_public", "text"),
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("cached_total_referrals", "total_referrals_count"),
            ("cached_total_rewards", "total_referrals_count"),
        ),
    ),
    Endpoint(
        resource="shipments",
        prefix="ship",
        permissions=("shipment:basic:read", "payment:basic:read"),
        filters=(
            Filter("payment_id", "payment_id", "is"),
            Filter("user_id", "_user_id", "is"),
        ),
        takes_order=False,
        takes_direction=False,
    ),
    Endpoint(
        resource="reviews",
        prefix="rev",
        tenant="none",
        filters=(
            Filter("product_id", "product_id", "is"),
            Filter("min_stars", "stars", "least"),
            Filter("max_stars", "stars", "most"),
            *CREATED,
        ),
        required=("product_id",),
        takes_order=False,
        takes_direction=False,
        object_only=("company", "product"),
    ),
)

# What it takes to change something.
WRITES = frozenset({"plan:update", "promo_code:delete"})
ALL_PERMISSIONS = frozenset(
    {EMAIL, PHONE, DISPUTES, RESOLUTIONS, *WRITES}.union(
        *(endpoint.permissions + endpoint.object_permissions for endpoint in ENDPOINTS)
    )
)
BY_RESOURCE = {endpoint.resource: endpoint for endpoint in ENDPOINTS}
