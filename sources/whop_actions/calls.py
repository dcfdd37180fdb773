"""Makes a call: checks it, sends it, and returns what Whop answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import quote

from whop_source.client import Row, WhopClient
from whop_source.errors import RequestRefused, WhopError
from whop_source.surface import CURRENT, LEGACY, Surface

from .catalogue import Action, BadParameter, find
from .checks import (
    check_all_pages,
    check_end,
    check_rule,
    check_upload,
    checked,
    on_current,
    takes_default,
)
from .upload import Progress, upload_file


class Answer(TypedDict):
    """What every action answers."""

    data: Row
    """What Whop sent; empty when it failed."""
    error: str | None
    successful: bool


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
    surface: Surface = LEGACY
    """The surface of Whop's API it is for."""

    @property
    def operation(self) -> str:
        """What Whop counts its requests by (`GET /plans/{id}`)."""
        return f"{self.action.method} {self.action.path_on(self.surface)}"

    def shown(self, base_url: str) -> Row:
        """The request as it would be sent, for people, without the key."""
        several = "[]" if self.surface.brackets else ""
        query = {
            name if isinstance(value, str) else f"{name}{several}": value
            for name, value in self.query.items()
        }
        if self.company_id:
            query[self.surface.tenant] = self.company_id
        return {
            "method": self.action.method,
            "url": f"{base_url.rstrip('/')}{self.path}",
            "headers": {"Authorization": "Bearer ***"},
            "query": query,
            "body": self.body,
        }


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
            name,
            parameters,
            company_id=company_id,
            all_pages=all_pages,
            upload=upload,
            surface=client.surface,
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
    surface: Surface = LEGACY,
) -> Request:
    """Check a call without sending anything.

    Args:
        name: name of the action, the catalogue's or the short one.
        parameters: its parameters, by the catalogue's names.
        company_id: company to ask about where one is required and none is given.
        all_pages: read a list to its end, instead of one page.
        upload: for create-file, the file whose bytes are to follow; its name is the default.
        now: the time a token's end is measured from; None is the clock's.
        surface: the surface of Whop's API that it is for: the client's.

    Raises:
        BadParameter: there is no such action, or it cannot be called like this.
    """
    action = find(name)
    given = dict(parameters or {})
    if upload is not None:
        check_upload(action, upload)
        given.setdefault("filename", upload.name)
    values = checked(action, given)
    for rule in action.rules:
        if company_id and takes_default(action, rule) and not values.keys() & {*rule.names}:
            values["company_id"] = company_id
        check_rule(action, rule, values)
    own = action.parameter("company_id")
    if company_id and own is not None and own.configured:
        values.setdefault("company_id", company_id)
    expires_at = values.get("expires_at")
    if expires_at is not None:
        check_end(action, datetime.fromisoformat(expires_at), now or datetime.now(UTC))
    if all_pages:
        check_all_pages(action, values)
    path = action.path_on(surface)
    if "{id}" in path:
        path = path.replace("{id}", quote(values.pop("id"), safe=""))
    company = None if action.changes else values.pop("company_id", None)
    if surface.name == CURRENT.name:
        values = on_current(action, values)
    if action.changes:
        body = values if action.method != "DELETE" else None
        return Request(action, path, body=body, upload=upload, surface=surface)
    return Request(
        action,
        path,
        company_id=company,
        query={name: _query_text(value) for name, value in values.items()},
        all_pages=all_pages,
        surface=surface,
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
            action.method, request.path, request.body, operation=request.operation
        )
        if answer is False:
            raise RequestRefused(f"{request.operation}: Whop answered false: it was not done")
        data: Row = answer if isinstance(answer, dict) else {"result": answer}
        return (
            data if request.upload is None else upload_file(client, data, request.upload, progress)
        )
    if not action.lists:
        collection, _, object_id = request.path.rpartition("/")
        return client.object(collection, object_id, secrets=action.secrets)[0]
    tenant = request.surface.tenant if request.company_id else None
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


def _query_text(value: Any) -> str | list[str]:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, list) else str(value)
