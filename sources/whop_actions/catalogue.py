"""The actions, one row of data each: names, parameters, enums and rules of the catalogue.

Long because it holds the text of every parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    # Who only reads the rows is spared dlt, which the source imports.
    from whop_source.surface import Surface

Type = Literal[
    "string", "integer", "number", "boolean", "datetime", "object", "[string]", "[object]"
]
"""Type of a parameter; brackets are an array. A datetime is an ISO 8601 text or a `datetime`; one
without an offset is UTC."""


class BadParameter(ValueError):
    """A call that cannot be right, found before anything is sent; the text names the parameter."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an action."""

    name: str
    type: Type
    text: str
    enum: tuple[str, ...] = ()
    """The values the catalogue allows; none means that any is passed on."""
    required: bool = False
    configured: bool = False
    """Whether the configured company is meant when nothing is given."""
    nullable: bool = False
    """Whether null clears the field. Where nothing can be cleared, null is as good as absent."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How many of some parameters must be given."""

    names: tuple[str, ...]
    least: int = 0
    most: int | None = None
    """None: as many as there are."""


@dataclass(frozen=True, slots=True)
class OnCurrent:
    """What is otherwise with an action on Whop's Current surface; parameters by the catalogue's
    names. From the client `whop-sdk` 2.6.0."""

    path: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Parameter → the name it has there."""
    one: tuple[str, ...] = ()
    """Lists of which it takes one item."""
    gone: tuple[str, ...] = ()
    """Parameters that it has not."""
    always: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that it has not, as it is always so."""
    values: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    """Parameter → value → the value it is there; None: there is none."""


@dataclass(frozen=True, slots=True)
class Action:
    """One call of the catalogue."""

    name: str
    """The catalogue's name (`WHOP_LIST_PAYMENTS`)."""
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """Path under the base URL; `{id}` is the parameter of that name."""
    text: str
    parameters: tuple[Parameter, ...]
    rules: tuple[Rule, ...] = ()
    changes: bool = False
    """Whether it changes something at Whop."""
    secrets: tuple[str, ...] = ()
    """Fields that are credentials: they are taken out of every answer."""
    current: OnCurrent = field(default_factory=OnCurrent)

    @property
    def short_name(self) -> str:
        """The name for people (`list-payments`)."""
        return self.name.removeprefix("WHOP_").lower().replace("_", "-")

    @property
    def operation(self) -> str:
        """What Whop counts its requests by on Legacy (`GET /plans/{id}`)."""
        return f"{self.method} {self.path}"

    def path_on(self, surface: Surface) -> str:
        """The path on a surface of Whop's API."""
        return self.current.path or self.path if surface.name == "current" else self.path

    @property
    def lists(self) -> bool:
        """Whether it answers with pages of rows."""
        return self.method == "GET" and "{id}" not in self.path

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name; None when there is none."""
        return next((each for each in self.parameters if each.name == name), None)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _id(text: str) -> tuple[Parameter, ...]:
    return (Parameter("id", "string", text, required=True),)


_PAGING = (
    Parameter("first", "integer", "How many rows, from the front."),
    Parameter("after", "string", "Go on behind this cursor: the `end_cursor` of the page before."),
    Parameter("last", "integer", "How many rows, from the back."),
    Parameter("before", "string", "Stop in front of this cursor: a `start_cursor`."),
)
_ONE_END = Rule(("first", "last"), most=1)
_CREATED = (
    Parameter("created_after", "datetime", "Only what was created after this time."),
    Parameter("created_before", "datetime", "Only what was created before this time."),
)
_DIRECTION = Parameter("direction", "string", "Which way to sort.", enum=("asc", "desc"))
_USER_IDS = Parameter("user_ids", "[string]", "Only those of these users.")
_PLAN_IDS = Parameter("plan_ids", "[string]", "Only those with these plans.")
_PRODUCT_IDS = Parameter("product_ids", "[string]", "Only those with these products.")
_PROMO_CODE_IDS = Parameter("promo_code_ids", "[string]", "Only those that used these promo codes.")
_OWN_COMPANY = Parameter(
    "company_id",
    "string",
    "The company; without it, the one in SOURCES__WHOP__COMPANY_ID, else the key's own.",
    configured=True,
)
_CONFIGURED_COMPANY = "The company; without it, the one in SOURCES__WHOP__COMPANY_ID."


def _order(values: str) -> Parameter:
    return Parameter("order", "string", "What to sort by.", enum=_words(values))


def _none_of(values: str) -> dict[str, str | None]:
    return dict.fromkeys(_words(values))


_APP_SECRETS = ("api_key", "default_api_key", "preview_token", "secrets")
_APP_USE = """time_spent time_spent_last_24_hours daily_active_users ai_prompt_count
    total_ai_cost_usd total_ai_tokens last_ai_prompt_at ai_average_rating"""

_PLAN_CHANGES = (
    Parameter("title", "string", "Name that buyers see.", nullable=True),
    Parameter("description", "string", "Text that buyers see.", nullable=True),
    Parameter(
        "visibility",
        "string",
        "Who can find it.",
        enum=("visible", "hidden", "archived", "quick_link"),
    ),
    Parameter(
        "currency",
        "string",
        "Currency of its prices.",
        enum=("usd", "eur", "gbp", "jpy", "aud", "cad", "sgd"),
    ),
    Parameter(
        "initial_price",
        "number",
        "What the first payment is, in the currency's main unit: 10.43 is $10.43.",
        nullable=True,
    ),
    Parameter(
        "renewal_price",
        "number",
        "What each further period costs, in the currency's main unit.",
        nullable=True,
    ),
    Parameter("billing_period", "integer", "Days between two charges: 30, 365.", nullable=True),
    Parameter(
        "trial_period_days", "integer", "Days that are free before the first charge.", nullable=True
    ),
    Parameter(
        "expiration_days", "integer", "Days until access ends; null is never.", nullable=True
    ),
    Parameter("stock", "integer", "How many can be sold; null is no limit.", nullable=True),
    Parameter("unlimited_stock", "boolean", "With true, `stock` does not count.", nullable=True),
    Parameter(
        "strike_through_initial_price",
        "number",
        "A price shown crossed out beside the first one.",
        nullable=True,
    ),
    Parameter(
        "strike_through_renewal_price",
        "number",
        "A price shown crossed out beside that of a period.",
        nullable=True,
    ),
    Parameter(
        "offer_cancel_discount",
        "boolean",
        "Whether one who cancels is offered a discount.",
        nullable=True,
    ),
    Parameter(
        "override_tax_type",
        "string",
        "Whether prices include tax.",
        enum=("inclusive", "exclusive", "unspecified"),
    ),
    Parameter(
        "payment_method_configuration",
        "object",
        "Ways to pay: enabled, disabled, include_platform_defaults; null is the company's own.",
        nullable=True,
    ),
    Parameter(
        "custom_fields",
        "[object]",
        "What buyers are asked: all fields the plan is to have, not only new ones.",
        nullable=True,
    ),
    Parameter("internal_notes", "string", "A note that buyers do not see.", nullable=True),
)

ACTIONS: tuple[Action, ...] = (
    Action(
        name="WHOP_CREATE_ACCESS_TOKEN",
        method="POST",
        path="/access_tokens",
        text="Make a token with which somebody else can use the API for a while. The answer holds "
        "it, once: it is a credential.",
        changes=True,
        parameters=(
            Parameter("user_id", "string", "The user it is for (user_…)."),
            Parameter("company_id", "string", "The company it is for (biz_…)."),
            Parameter(
                "expires_at",
                "datetime",
                "When it ends: at most 3 hours ahead; without it, in 1 hour.",
            ),
            Parameter(
                "scoped_actions",
                "[string]",
                "The permissions it has, out of the key's own; without any, all of those.",
            ),
        ),
        rules=(Rule(("user_id", "company_id"), least=1, most=1),),
        current=OnCurrent(names={"company_id": "account_id"}),
    ),
    Action(
        name="WHOP_CREATE_FILE",
        method="POST",
        path="/files",
        text="Announce a file. The answer holds the address and the headers to upload its bytes "
        "with, which are a credential.",
        changes=True,
        parameters=(
            Parameter(
                "filename", "string", "Its name with the extension: photo.png.", required=True
            ),
        ),
    ),
    Action(
        name="WHOP_DELETE_PROMO_CODE",
        method="DELETE",
        path="/promo_codes/{id}",
        text="Archive a promo code: nobody can use it any more. Memberships that did stay as they "
        "are.",
        changes=True,
        parameters=_id("The promo code (promo_…)."),
    ),
    Action(
        name="WHOP_UPDATE_PLAN",
        method="PATCH",
        path="/plans/{id}",
        text="Change a plan. Mind that Whop takes away the plan's custom fields when custom_fields "
        "is left out: give them again to keep them.",
        changes=True,
        parameters=(*_id("The plan (plan_…)."), *_PLAN_CHANGES),
        # An empty change would still take the custom fields away.
        rules=(Rule(tuple(each.name for each in _PLAN_CHANGES), least=1),),
        current=OnCurrent(path="/variants/{id}"),
    ),
    Action(
        name="WHOP_LIST_APPS",
        method="GET",
        path="/apps",
        text="List apps: a company's or, without company_id, everybody's.",
        parameters=(
            Parameter("company_id", "string", "Only this company's; without it, all on Whop."),
            Parameter("query", "string", "Only those whose name has this in it."),
            Parameter(
                "app_type",
                "string",
                "Who it is made for.",
                enum=("b2b_app", "b2c_app", "company_app", "component"),
            ),
            Parameter(
                "view_type",
                "string",
                "Where it can be shown.",
                enum=("hub", "discover", "dash", "dashboard", "analytics"),
            ),
            Parameter("verified_apps_only", "boolean", "Only those that Whop has verified."),
            _order(
                "discoverable_at created_at total_installs_last_30_days total_installs_last_7_days "
                + _APP_USE
            ),
            _DIRECTION,
            *_PAGING,
        ),
        rules=(_ONE_END,),
        secrets=_APP_SECRETS,
        current=OnCurrent(
            names={"verified_apps_only": "verified"},
            values={"order": _none_of(_APP_USE)},
        ),
    ),
    Action(
        name="WHOP_LIST_AUTHORIZED_USERS",
        method="GET",
        path="/authorized_users",
        text="List who works for a company, and in which role.",
        parameters=(
            _OWN_COMPANY,
            Parameter(
                "role",
                "string",
                "Only those in this role.",
                enum=_words("owner admin sales_manager moderator app_manager support manager"),
            ),
            Parameter("user_id", "string", "Only this user: is it one of the team?"),
            *_CREATED,
            *_PAGING,
        ),
        rules=(_ONE_END,),
    ),
    Action(
        name="WHOP_LIST_MEMBERS",
        method="GET",
        path="/members",
        text="List a company's members: one row per person, whatever they bought.",
        parameters=(
            _OWN_COMPANY,
            Parameter("query", "string", "Only those whose name, username or e-mail has this."),
            Parameter("statuses", "[string]", "Only these: drafted, joined, left."),
            Parameter(
                "access_level",
                "string",
                "Only those with this access.",
                enum=("no_access", "admin", "customer"),
            ),
            Parameter(
                "most_recent_actions",
                "[string]",
                "Only those who did this last: joined, renewing, churned, …",
            ),
            _USER_IDS,
            _PLAN_IDS,
            _PRODUCT_IDS,
            _PROMO_CODE_IDS,
            *_CREATED,
            _order("id usd_total_spent created_at joined_at most_recent_action"),
            _DIRECTION,
            *_PAGING,
        ),
        rules=(_ONE_END,),
        current=OnCurrent(
            names={"statuses": "status"},
            one=("statuses",),
            values={
                "statuses": _none_of("drafted"),
                "order": {"most_recent_action": "most_recent_action_at", "id": None},
            },
        ),
    ),
    Action(
        name="WHOP_LIST_MEMBERSHIPS",
        method="GET",
        path="/memberships",
        text="List a company's memberships: one row per purchase of access.",
        parameters=(
            Parameter("company_id", "string", _CONFIGURED_COMPANY),
            Parameter("statuses", "[string]", "Only these: active, trialing, past_due, …"),
            Parameter("cancel_options", "[string]", "Only those canceled for these reasons."),
            _USER_IDS,
            _PLAN_IDS,
            _PRODUCT_IDS,
            _PROMO_CODE_IDS,
            *_CREATED,
            _order("id created_at status canceled_at date_joined total_spend"),
            _DIRECTION,
            *_PAGING,
        ),
        rules=(Rule(("company_id",), least=1), _ONE_END),
        current=OnCurrent(
            names={"user_ids": "user_id"},
            one=("user_ids",),
            gone=("cancel_options",),
            values={"order": _none_of("id status canceled_at date_joined total_spend")},
        ),
    ),
    Action(
        name="WHOP_LIST_PAYMENT_METHODS",
        method="GET",
        path="/payment_methods",
        text="List the ways to pay on file: a member's, or all of a company's.",
        parameters=(
            Parameter("member_id", "string", "The member (mber_…), in place of a company."),
            Parameter("company_id", "string", _CONFIGURED_COMPANY),
            *_CREATED,
            _DIRECTION,
            *_PAGING,
        ),
        rules=(Rule(("member_id", "company_id"), least=1), _ONE_END),
    ),
    Action(
        name="WHOP_LIST_PAYMENTS",
        method="GET",
        path="/payments",
        text="List a company's payments, paid and failed.",
        parameters=(
            _OWN_COMPANY,
            Parameter("statuses", "[string]", "Only these: paid, open, pending, …"),
            Parameter("substatuses", "[string]", "Only these: refunded, dispute_lost, …"),
            Parameter("billing_reasons", "[string]", "Only these: subscription_cycle, one_time, …"),
            Parameter("currencies", "[string]", "Only in these: usd, eur, …"),
            _PLAN_IDS,
            _PRODUCT_IDS,
            Parameter("include_free", "boolean", "With true, those of zero too (trials)."),
            *_CREATED,
            _order("final_amount created_at paid_at"),
            _DIRECTION,
            *_PAGING,
        ),
        rules=(_ONE_END,),
        # On Current: who has one can pay with it, or sees what is to be paid.
        secrets=("client_secret", "recovery_url"),
        current=OnCurrent(
            names={
                "billing_reasons": "billing_reason",
                "currencies": "currency",
                "plan_ids": "plan_id",
                "product_ids": "product_id",
                "statuses": "status",
            },
            one=("billing_reasons", "currencies", "plan_ids", "product_ids", "statuses"),
            gone=("substatuses",),
            always={"include_free": True},
            values={"order": _none_of("final_amount")},
        ),
    ),
    Action(
        name="WHOP_RETRIEVE_APP",
        method="GET",
        path="/apps/{id}",
        text="Show an app; its key and its secrets are left out.",
        parameters=_id("The app (app_…)."),
        secrets=_APP_SECRETS,
    ),
    Action(
        name="WHOP_RETRIEVE_AUTHORIZED_USER",
        method="GET",
        path="/authorized_users/{id}",
        text="Show one who works for a company.",
        parameters=_id("The authorized user (ausr_…)."),
    ),
    Action(
        name="WHOP_RETRIEVE_COMPANY",
        method="GET",
        path="/companies/{id}",
        text="Show a company.",
        parameters=_id("The company (biz_…), or `me`: the key's own."),
        current=OnCurrent(path="/accounts/{id}"),
    ),
    Action(
        name="WHOP_RETRIEVE_COMPANY_TOKEN_TRANSACTION",
        method="GET",
        path="/company_token_transactions/{id}",
        text="Show one movement of a company's own tokens.",
        parameters=_id("The transaction (ctt_…)."),
    ),
    Action(
        name="WHOP_RETRIEVE_FILE",
        method="GET",
        path="/files/{id}",
        text="Show a file: whether it is ready, and where it can be read.",
        parameters=_id("The file (file_…)."),
        # Only the answer to its creation is to hold these: whoever asks then is to upload it.
        secrets=(
            "upload_url",
            "upload_headers",
            "multipart_upload_id",
            "multipart_upload_urls",
        ),
    ),
    Action(
        name="WHOP_RETRIEVE_MEMBER",
        method="GET",
        path="/members/{id}",
        text="Show a member.",
        parameters=_id("The member (mber_…)."),
    ),
    Action(
        name="WHOP_RETRIEVE_PLAN",
        method="GET",
        path="/plans/{id}",
        text="Show a plan, an archived one too.",
        parameters=_id("The plan (plan_…)."),
        current=OnCurrent(path="/variants/{id}"),
    ),
    Action(
        name="WHOP_RETRIEVE_PROMO_CODE",
        method="GET",
        path="/promo_codes/{id}",
        text="Show a promo code.",
        parameters=_id("The promo code (promo_…)."),
    ),
    Action(
        name="WHOP_RETRIEVE_USER",
        method="GET",
        path="/users/{id}",
        text="Show a user's public profile.",
        parameters=_id("The user (user_…), or a username."),
    ),
)

_BY_NAME = {action.short_name: action for action in ACTIONS}


def find(name: str) -> Action:
    """Return the action of that name: the catalogue's or the short one.

    Raises:
        BadParameter: there is none.
    """
    short = name.lower().replace("_", "-").removeprefix("whop-")
    try:
        return _BY_NAME[short]
    except KeyError:
        raise BadParameter(f"No action {name}; there are: {', '.join(_BY_NAME)}") from None
