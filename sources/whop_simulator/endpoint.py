"""What an endpoint is, and the values that filters of both surfaces accept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .tables import Test

Kind = Literal[
    "is", "in", "in_or_none", "any", "any_of", "all_of", "true", "bool", "text", "free", "shown",
    "after", "before", "from", "until", "after_unix", "before_unix",
    "stars_from", "stars_to", "least", "most", "given",
]  # fmt: skip
"""How a filter reads its value: `in`, `in_or_none`, `any_of` and `all_of` may be repeated, `any`,
`any_of` and `all_of` look at several values of a row, `given` is accepted and means nothing."""
Tenant = Literal["own", "required", "everywhere", "none", "narrow", "or_nothing"]
ErrorShape = Literal["nested", "flat", "list", "current"]
PAGING = ("first", "after", "last", "before")


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
    means: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values that stand for others: what the rows hold."""


@dataclass(frozen=True)
class Endpoint:
    """Everything the simulator knows about one resource."""

    resource: str
    prefix: str
    permissions: tuple[str, ...] = ()
    object_permissions: tuple[str, ...] = ()
    listed: bool = True
    tenant: Tenant = "own"
    """Without it: the key's own company, an error, every company's rows; or no such parameter.
    `narrow` only narrows what the key can read, `or_nothing` shows nothing without it."""
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
    name: str = ""
    """The path's, where it is not the table's."""
    current: bool = False
    """Whether it is one of the Current surface, whose rows are shaped and lists asked otherwise."""
    paging: tuple[str, ...] = PAGING
    refuses: tuple[str, ...] = ()
    """Parameters it does not know and is known to refuse."""
    ignores: tuple[str, ...] = ()
    """Parameters it does not know and is known to ignore."""
    always: tuple[Test, ...] = ()
    """What rows must pass whatever is asked."""

    @property
    def path(self) -> str:
        """The path of the list."""
        return f"/{self.name or self.resource}"


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
