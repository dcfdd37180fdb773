"""The nineteen single calls of the connector catalogue, one row of data each.

    from sources.whop.actions import run
    from sources.whop.client import WhopClient

    with WhopClient(key) as client:
        answer = run(client, "list-payments", {"statuses": ["open"], "first": 10})
        if answer["successful"]:
            print(answer["data"]["data"])
        else:
            print(answer["error"])

`run` never raises for what Whop says or for a wrong parameter: both are an answer with an `error`.
Who wants to tell them apart, or to look at a request before it is sent, calls `prepare` (raises
`BadParameter`, a ValueError) and `perform` (raises `WhopError`).

Names, parameters, enums and rules are the catalogue's; a value of which the catalogue has no list
(a payment's status, a currency) is passed on as it is. What the catalogue does not say (that null
clears a plan's field, that leaving custom fields out does too) is from the types of Whop's official
client, `whop-sdk` 0.0.41.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict
from urllib.parse import quote

import httpx

from .client import RequestRefused, Row, WhopClient, WhopError

Type = Literal[
    "string", "integer", "number", "boolean", "datetime", "object", "[string]", "[object]"
]
"""Type of a parameter; brackets are an array. A datetime is an ISO 8601 text or a `datetime`; one
without an offset is UTC."""

Progress = Callable[[str], None]
"""Told, in words, how far a call that takes long has come."""

LONGEST_TOKEN = timedelta(hours=3)
"""How far ahead an access token may expire: the catalogue's limit, and Whop's."""

READY_SECONDS = 300.0
"""How long to wait for Whop to process an uploaded file."""

POLL_SECONDS = 1.0
"""Time between two looks at it."""


class Answer(TypedDict):
    """What every action answers."""

    data: Row
    """What Whop sent; empty when it failed."""
    error: str | None
    successful: bool


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

    @property
    def short_name(self) -> str:
        """The name for people (`list-payments`)."""
        return self.name.removeprefix("WHOP_").lower().replace("_", "-")

    @property
    def operation(self) -> str:
        """What Whop counts its requests by (`GET /plans/{id}`)."""
        return f"{self.method} {self.path}"

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
_OWN_COMPANY = Parameter("company_id", "string", "The company; without it, the key's own.")
_CONFIGURED_COMPANY = "The company; without it, the one in SOURCES__WHOP__COMPANY_ID."


def _order(values: str) -> Parameter:
    return Parameter("order", "string", "What to sort by.", enum=_words(values))


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
                """discoverable_at created_at total_installs_last_30_days
                total_installs_last_7_days time_spent time_spent_last_24_hours daily_active_users
                ai_prompt_count total_ai_cost_usd total_ai_tokens last_ai_prompt_at
                ai_average_rating"""
            ),
            _DIRECTION,
            *_PAGING,
        ),
        rules=(_ONE_END,),
        secrets=("api_key", "secrets"),
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
    ),
    Action(
        name="WHOP_RETRIEVE_APP",
        method="GET",
        path="/apps/{id}",
        text="Show an app; its key and its secrets are left out.",
        parameters=_id("The app (app_…)."),
        secrets=("api_key", "secrets"),
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
        secrets=("upload_url", "upload_headers"),
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


@dataclass(frozen=True, slots=True)
class Request:
    """A call that has been checked, ready to be sent."""

    action: Action
    path: str
    """The action's path with the id in it."""
    query: dict[str, str | list[str]] = field(default_factory=dict)
    company_id: str | None = None
    """Company of a list; goes into the query under the name the endpoint has for it."""
    body: Row | None = None
    all_pages: bool = False
    upload: Path | None = None
    """File whose bytes are to follow."""

    def shown(self, base_url: str) -> Row:
        """The request as it would be sent, for people, without the key."""
        query = {
            name if isinstance(value, str) else f"{name}[]": value
            for name, value in self.query.items()
        }
        if self.company_id:
            query["company_id"] = self.company_id
        return {
            "method": self.action.method,
            "url": f"{base_url.rstrip('/')}{self.path}",
            "headers": {"Authorization": "Bearer ***"},
            "query": query,
            "body": self.body,
        }


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


def run(
    client: WhopClient,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    company_id: str | None = None,
    all_pages: bool = False,
    upload: Path | None = None,
    progress: Progress = lambda _: None,
) -> Answer:
    """Check a call, make it, and return its answer; arguments are those of `prepare`.

    Whatever Whop says, and whatever is wrong with a parameter, is in the answer's `error`. An
    action that changes something is carried out at once: asking first is the caller's business.
    """
    try:
        request = prepare(
            name, parameters, company_id=company_id, all_pages=all_pages, upload=upload
        )
        return success(perform(client, request, progress))
    except (BadParameter, WhopError) as error:
        return failure(client, error)


def success(data: Row) -> Answer:
    """The answer of a call that went well."""
    return {"data": data, "error": None, "successful": True}


def failure(client: WhopClient, error: Exception) -> Answer:
    """The answer of a call that did not; a key that the server has repeated is taken out."""
    return {"data": {}, "error": client.masked(str(error)), "successful": False}


def prepare(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    company_id: str | None = None,
    all_pages: bool = False,
    upload: Path | None = None,
    now: datetime | None = None,
) -> Request:
    """Check a call without sending anything.

    Args:
        name: name of the action, the catalogue's or the short one.
        parameters: its parameters, by the catalogue's names.
        company_id: company to ask about where one is required and none is given.
        all_pages: read a list to its end, instead of one page.
        upload: for create-file, the file whose bytes are to follow; its name is the default.
        now: the time a token's end is measured from; None is the clock's.

    Raises:
        BadParameter: there is no such action, or it cannot be called like this.
    """
    action = find(name)
    given = dict(parameters or {})
    if upload is not None:
        _check_upload(action, upload)
        given.setdefault("filename", upload.name)
    values = _checked(action, given)
    for rule in action.rules:
        if company_id and _takes_default(action, rule) and not values.keys() & {*rule.names}:
            values["company_id"] = company_id
        _check_rule(action, rule, values)
    expires_at = values.get("expires_at")
    if expires_at is not None:
        _check_end(action, datetime.fromisoformat(expires_at), now or datetime.now(UTC))
    if all_pages:
        _check_all_pages(action, values)
    path = action.path
    if "{id}" in path:
        path = path.replace("{id}", quote(values.pop("id"), safe=""))
    if action.changes:
        body = values if action.method != "DELETE" else None
        return Request(action, path, body=body, upload=upload)
    return Request(
        action,
        path,
        company_id=values.pop("company_id", None),
        query={name: _query_text(value) for name, value in values.items()},
        all_pages=all_pages,
    )


def perform(client: WhopClient, request: Request, progress: Progress = lambda _: None) -> Row:
    """Send a request, and return what Whop answers.

    A list is `{"data": [rows], "page_info": {…}}`; read to its end, it is all rows in one. Where
    Whop answers with a bare value, it is `{"result": value}`.

    Args:
        client: the client to send it with.
        request: from `prepare`.
        progress: told how far a long list or an upload has come.

    Raises:
        WhopError: see the subclasses.
    """
    action = request.action
    if action.changes:
        answer = client.change(
            action.method, request.path, request.body, operation=action.operation
        )
        if answer is False:
            raise RequestRefused(f"{action.operation}: Whop answered false: it was not done")
        data: Row = answer if isinstance(answer, dict) else {"result": answer}
        return data if request.upload is None else _upload(client, data, request.upload, progress)
    if not action.lists:
        collection, _, object_id = request.path.rpartition("/")
        return client.object(collection, object_id, secrets=action.secrets)[0]
    tenant = "company_id" if request.company_id else None
    if not request.all_pages:
        return client.page(
            request.path,
            request.query,
            tenant=tenant,
            company_id=request.company_id,
            secrets=action.secrets,
        )
    rows: list[Row] = []
    for page in client.pages(
        request.path,
        request.query,
        tenant=tenant,
        company_id=request.company_id,
        secrets=action.secrets,
    ):
        rows += page.rows
        progress(f"{len(rows):,} rows read")
    return {"data": rows, "page_info": {"has_next_page": False}}


# Checks


def _wrong(action: Action, says: str) -> BadParameter:
    return BadParameter(f"{action.short_name}: {says}")


def _checked(action: Action, given: Mapping[str, Any]) -> Row:
    """The parameters as they are sent; none is unknown, missing, or of a wrong type or value."""
    values: Row = {}
    for name, value in given.items():
        parameter = action.parameter(name)
        if parameter is None:
            takes = ", ".join(each.name for each in action.parameters)
            raise _wrong(action, f"there is no parameter {name}; it takes {takes}")
        if value is not None:
            values[name] = _value(action, parameter, value)
        elif parameter.nullable:
            values[name] = None
        elif action.method == "PATCH":
            raise _wrong(action, f"{name} cannot be null")
    for parameter in action.parameters:
        if parameter.required and not values.get(parameter.name):
            raise _wrong(action, f"{parameter.name} is missing")
    # Whop's paths are built from ids: these two would lead elsewhere.
    if values.get("id") in (".", ".."):
        raise _wrong(action, f"id cannot be {values['id']!r}")
    return values


_IS_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    # A bool is an int to Python, and a price of NaN is no JSON.
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "[string]": lambda value: (
        isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    ),
    "[object]": lambda value: (
        isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value)
    ),
}

_TYPE_WORDS: Mapping[str, str] = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "datetime": "a time in ISO 8601, such as 2026-01-15T09:00:00Z",
    "object": "a JSON object",
    "[string]": "a list of texts",
    "[object]": "a list of JSON objects",
}


def _value(action: Action, parameter: Parameter, value: Any) -> Any:
    """The value as it is sent: times are UTC texts to the millisecond, as Whop writes them."""
    if parameter.type == "datetime":
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
            return text.replace("+00:00", "Z")
        except (TypeError, ValueError, OverflowError):
            pass
    elif _IS_TYPE[parameter.type](value):
        if parameter.enum and value not in parameter.enum:
            raise _wrong(
                action, f"{parameter.name} can be {', '.join(parameter.enum)}, not {value!r}"
            )
        return list(value) if isinstance(value, tuple) else value
    raise _wrong(action, f"{parameter.name} must be {_TYPE_WORDS[parameter.type]}, not {value!r}")


def _takes_default(action: Action, rule: Rule) -> bool:
    """Whether the configured company is what is meant when nothing of the rule is given.

    Not for a change: whose token is made is to be said, not guessed.
    """
    return rule.least > 0 and "company_id" in rule.names and not action.changes


def _check_rule(action: Action, rule: Rule, values: Row) -> None:
    given = [name for name in rule.names if name in values]
    if len(given) < rule.least:
        names = rule.names[0] if len(rule.names) == 1 else f"one of {', '.join(rule.names)}"
        setting = ", or set SOURCES__WHOP__COMPANY_ID" if _takes_default(action, rule) else ""
        raise _wrong(action, f"give {names}{setting}")
    if rule.most is not None and len(given) > rule.most:
        raise _wrong(action, f"give {' or '.join(rule.names)}, not both")


def _check_end(action: Action, expires_at: datetime, now: datetime) -> None:
    if expires_at <= now:
        raise _wrong(action, f"expires_at is in the past: it is {now:%Y-%m-%dT%H:%M:%SZ}")
    if expires_at - now > LONGEST_TOKEN:
        raise _wrong(
            action, f"expires_at is more than 3 hours ahead: it is {now:%Y-%m-%dT%H:%M:%SZ}"
        )


def _check_all_pages(action: Action, values: Row) -> None:
    if not action.lists:
        raise _wrong(action, "all pages can be read of a list only")
    for name in ("last", "before"):
        if name in values:
            raise _wrong(action, f"leave out {name}: all pages are read from the front")


def _check_upload(action: Action, upload: Path) -> None:
    if action.name != "WHOP_CREATE_FILE":
        raise _wrong(action, "path is for create-file only")
    try:
        upload.open("rb").close()
    except OSError as error:
        raise _wrong(action, f"path cannot be read: {upload}: {error.strerror}") from None


def _query_text(value: Any) -> str | list[str]:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, list) else str(value)


# Upload


def _upload(client: WhopClient, created: Row, path: Path, progress: Progress) -> Row:
    """Send a file's bytes where Whop has said, and wait until it is ready; return the file."""
    file_id = created["id"]
    try:
        progress(f"sending {path.name} ({path.stat().st_size:,} bytes)")
        status_code = _put(path, created["upload_url"], created.get("upload_headers") or {})
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # Their texts may repeat the address, which is a credential.
        trouble = type(error).__name__
    else:
        trouble = "" if 200 <= status_code < 300 else f"HTTP {status_code}"
    if trouble:
        raise WhopError(f"file {file_id} is created, but its bytes did not get there: {trouble}")
    began = time.monotonic()
    while True:
        data, _ = client.object("/files", file_id, secrets=_BY_NAME["retrieve-file"].secrets)
        status, waited = data["upload_status"], time.monotonic() - began
        if status == "ready":
            return data
        if status == "failed":
            raise WhopError(f"file {file_id} is uploaded, but Whop could not process it")
        if waited >= READY_SECONDS:
            raise WhopError(
                f"file {file_id} is uploaded, but still {status} after {waited:.0f} s: "
                "look again with retrieve-file"
            )
        progress(f"uploaded; Whop says {status} ({waited:.0f} s)")
        time.sleep(POLL_SECONDS)


def _put(path: Path, address: str, headers: Mapping[str, Any]) -> int:
    """Send the bytes to a presigned address, and return the status of the answer."""
    # A client of its own: the key is not for whoever keeps the bytes.
    with httpx.Client(timeout=60) as http, path.open("rb") as content:
        texts = {name: str(value) for name, value in headers.items()}
        request = http.build_request("PUT", address, headers=texts, content=content)
        with _unlogged(str(request.url)):
            return http.send(request).status_code


@contextmanager
def _unlogged(address: str) -> Iterator[None]:
    """Keep a presigned address out of the log that httpx writes of every request."""

    def without(record: logging.LogRecord) -> bool:
        return address not in record.getMessage()

    logger = logging.getLogger("httpx")
    logger.addFilter(without)
    try:
        yield
    finally:
        logger.removeFilter(without)
