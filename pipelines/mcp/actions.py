"""Tools made of the catalogue's rows; what changes something is shown first, then confirmed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from whop_actions.catalogue import ACTIONS, Action

from .confirmations import Confirmations
from .schemas import ANSWER, schema_of
from .tool import LARGEST_ANSWER, MOST_ROWS, Row, Tool, ToolFailed

if TYPE_CHECKING:
    from whop_actions import Request
    from whop_source.client import WhopClient
    from whop_source.surface import Surface

USUAL_ROWS = 20
"""Rows of a page when nobody says how many: each is some 2 kB."""

CREDENTIALS = ("WHOP_CREATE_ACCESS_TOKEN",)
"""Actions whose answer lets somebody else in."""

_CONFIRMATION: Row = {
    "type": "string",
    "description": "The token that the preview gave. Without it nothing is sent to Whop: the "
    "answer shows what would be. With it, and the same arguments, the change is made. Show the "
    "preview to the person you work for first.",
}


class Account:
    """The account at Whop that the settings name; they are read when it is first used."""

    def open(self) -> AbstractContextManager[WhopClient]:
        """A client with the key.

        Raises:
            SettingError: there is no key.
        """
        from ..action import whop_client

        return whop_client()

    @property
    def company_id(self) -> str | None:
        """The configured company; None when there is none, or several to choose from."""
        from ..action import configured_company

        return configured_company()

    @property
    def surface(self) -> Surface:
        """The surface of Whop's API that answers."""
        from whop_source.surface import surface_of

        from ..settings import api_version

        return surface_of(api_version())


def action_tools(
    account: Account,
    *,
    writes: bool = False,
    credentials: bool = False,
    confirmations: Confirmations | None = None,
) -> Iterator[Tool]:
    """The actions as tools: those that read, and those that change something where allowed.

    Args:
        account: where they are carried out.
        writes: plan, promo code and file too.
        credentials: access tokens too.
        confirmations: keeps the tokens; None makes one.
    """
    kept = confirmations or Confirmations()
    for action in ACTIONS:
        allowed = credentials if action.name in CREDENTIALS else writes or not action.changes
        if allowed:
            yield _tool(action, account, kept)


def _tool(action: Action, account: Account, confirmations: Confirmations) -> Tool:
    changes = _Change(action, account, confirmations)
    reads = _Reading(action, account)
    # For these, what is not given is the configured company.
    defaults = ["company_id"] if not action.changes else []
    return Tool(
        name=action.name.lower(),
        title=action.short_name.replace("-", " ").capitalize(),
        text=f"{action.text} {_manner(action)}",
        schema=schema_of(
            action, defaults, {"confirmation": _CONFIRMATION} if action.changes else {}
        ),
        call=changes if action.changes else reads,
        output=ANSWER,
        changes=action.changes,
        destructive=action.method in ("PATCH", "DELETE"),
        idempotent=action.method != "POST",
        at_whop=True,
        checks=True,
        failed=lambda answer: not answer["successful"],
        refusal=_refusal,
    )


def _manner(action: Action) -> str:
    """How the tool is used."""
    if action.changes:
        return "The first call only shows what would be sent; see confirmation."
    if action.lists:
        return (
            f"One page: without first or last it has {USUAL_ROWS} rows; data.page_info.end_cursor "
            "is the next page's after."
        )
    return "It reads at Whop, now; the marts hold the history."


class _Reading:
    """An action that reads: one page, or one object."""

    def __init__(self, action: Action, account: Account) -> None:
        self._action, self._account = action, account

    def __call__(self, given: Row) -> Row:
        parameters = dict(given)
        if self._action.lists and not parameters.keys() & {"first", "last"}:
            parameters["first"] = USUAL_ROWS
        for end in ("first", "last"):
            if isinstance(asked := parameters.get(end), int):
                parameters[end] = min(asked, MOST_ROWS)

        def ask(client: WhopClient) -> Row:
            from whop_actions import perform

            while True:
                data = perform(client, _prepared(self._action, parameters, self._account))
                size = len(json.dumps(data, ensure_ascii=False).encode())
                if size <= LARGEST_ANSWER:
                    return data
                # A page that is cut would have a cursor behind rows that nobody saw.
                end = "last" if "last" in parameters else "first"
                rows = len(data["data"]) if self._action.lists else 1
                if rows <= 1:
                    raise ToolFailed(f"The answer has {size:,} bytes, over {LARGEST_ANSWER:,}")
                parameters[end] = max(1, int(rows * 0.8 * LARGEST_ANSWER / size))

        return _answered(self._account, ask)


class _Change:
    """An action that changes something: shown, then confirmed."""

    def __init__(self, action: Action, account: Account, confirmations: Confirmations) -> None:
        self._action, self._account, self._confirmations = action, account, confirmations

    def __call__(self, given: Row) -> Row:
        parameters = {name: value for name, value in given.items() if name != "confirmation"}

        def show_or_do(client: WhopClient) -> Row:
            from whop_actions import perform

            request = _prepared(self._action, parameters, self._account)
            changed = self._changed(client, request)
            bound = (
                self._action.name,
                parameters,
                self._account.company_id,
                client.base_url,
                changed,
            )
            token = given.get("confirmation")
            if token is not None and not isinstance(token, str):
                raise ToolFailed("confirmation must be the token of the preview")
            if token is None:
                return self._preview(client, request, changed, self._confirmations.hand_out(*bound))
            self._confirmations.take_back(token, *bound)
            return perform(client, request)

        return _answered(self._account, show_or_do)

    def _preview(
        self, client: WhopClient, request: Request, changed: Row | None, token: str
    ) -> Row:
        return {
            "sent": False,
            "would_send": request.shown(client.base_url),
            "would_change": changed,
            "what_it_does": self._action.text,
            "confirmation": token,
            "next": "Show this to the person you work for. When they agree, call the tool again "
            "with the same arguments and this confirmation, within five minutes; it works once.",
        }

    def _changed(self, client: WhopClient, request: Request) -> Row | None:
        """What the object is now, and what it would be, field by field; None for a new one.

        Raises:
            ToolFailed: it belongs to another company than the configured one.
        """
        if "{id}" not in self._action.path:
            return None
        collection, _, object_id = request.path.rpartition("/")
        now, _ = client.object(collection, object_id, secrets=self._action.secrets)
        company_id, owner = self._account.company_id, _owner(now)
        if company_id and owner and owner != company_id:
            raise ToolFailed(
                f"{object_id} belongs to {owner}, and SOURCES__WHOP__COMPANY_ID is {company_id}. "
                "Nothing was sent"
            )
        if self._action.method == "DELETE":
            return {
                "id": now.get("id"),
                "company_id": owner,
                "was": {
                    name: value
                    for name, value in now.items()
                    if not isinstance(value, dict | list) and name != "id"
                },
                "becomes": "archived",
            }
        return {
            "id": now.get("id"),
            "company_id": owner,
            "title": now.get("title"),
            "fields": {
                name: {"was": now.get(name), "becomes": value}
                for name, value in (request.body or {}).items()
            },
            **self._lost(now, request),
        }

    def _lost(self, now: Row, request: Request) -> Row:
        """Custom fields that Whop takes away when they are not given again."""
        body = request.body or {}
        if not now.get("custom_fields") or "custom_fields" in body:
            return {}
        return {"would_lose": {"custom_fields": now["custom_fields"]}}


def _prepared(action: Action, parameters: Row, account: Account) -> Request:
    from whop_actions import prepare

    return prepare(action.name, parameters, company_id=account.company_id, surface=account.surface)


def _owner(row: Row) -> str | None:
    """The company that an object says it belongs to; Whop calls it an account on some."""
    for name in ("company", "account"):
        company = row.get(name)
        owner: Any = company.get("id") if isinstance(company, dict) else row.get(f"{name}_id")
        if isinstance(owner, str):
            return owner
    return None


def _answered(account: Account, ask: Callable[[WhopClient], Row]) -> Row:
    """What every action answers, whether it went well or not."""
    from whop_actions import BadParameter, failure, success
    from whop_source.errors import WhopError

    from ..errors import PipelineError

    try:
        with account.open() as client:
            try:
                return dict(success(ask(client)))
            except (BadParameter, WhopError, ToolFailed) as error:
                return dict(failure(client, error))
    except PipelineError as error:
        return _refusal(str(error))


def _refusal(says: str) -> Row:
    return {"data": {}, "error": says, "successful": False}
