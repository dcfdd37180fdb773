"""Answers one request the way Whop would, on either surface; knows nothing of sockets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import charts
from .business import Business
from .current import current_row
from .current_endpoints import ADDITIONS, CURRENT, LEFT_BEHIND
from .endpoint import DISPUTES, EMAIL, PHONE, RESOLUTIONS, Endpoint, ErrorShape
from .endpoints import ALL_PERMISSIONS, BY_RESOURCE
from .money import fees
from .options import Options
from .paging import Query, Window, one, page, window
from .questions import order_of, tests_of
from .refusal import Refused
from .surfaces import Surface
from .tables import PlainRow, Test, sort_key
from .uploads import poll
from .writes import WRITES, Write

BetweenPages = Callable[[str, int], None]

FEES = Endpoint(resource="payment_fees", prefix="fee", permissions=("payment:basic:read",))
"""The one list that is below an object, and whose rows have no id."""
_CURRENT_FEES = Endpoint(
    resource="payment_fees",
    prefix="fee",
    permissions=("payment:basic:read",),
    current=True,
    errors="current",
)
PERMISSIONS = Endpoint(resource="permissions", prefix="", current=True, errors="current")
"""What the key may do: the one list that is not of a company's rows."""
CHARTS = Endpoint(
    resource="stats",
    prefix="",
    permissions=("stats:read",),
    tenant_name="account_id",
    current=True,
    errors="current",
)
"""Whop's own statistics: a series of points for each metric, in place of rows."""

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    410: "gone",
    429: "rate_limited",
    500: "internal_error",
    502: "bad_gateway",
    503: "service_unavailable",
}
# Where a row has what takes a permission of its own to see.
_EMAILS = ("user.email", "email", "customer_email", "buyer.email", "user_email")
_PHONES = ("phone", "phone_number", "member.phone", "membership.phone_number", "customer_phone")
_VEILED = {
    EMAIL: _EMAILS,
    PHONE: _PHONES,
    DISPUTES: ("disputes",),
    RESOLUTIONS: ("resolutions",),
}
_NEEDED_BY = {PHONE: frozenset({"members", "payments", "memberships"})}


@dataclass(frozen=True)
class Request:
    """An address that was understood: what it stands for and with which parameters."""

    template: str
    endpoint: Endpoint
    key: str | None
    """Id of the one object asked for; None for the list."""
    query: Query


def error_body(shape: ErrorShape, status: int, message: str) -> dict[str, Any]:
    """An error the way the endpoint words it: a code and a message, in one of four shapes."""
    code = _CODES.get(status, "error")
    if shape == "flat":
        return {"code": code, "message": message}
    if shape == "list":
        return {"errors": [{"code": code, "message": message}]}
    if shape == "current":
        kind = "rate_limit_exceeded" if status == 429 else code
        return {"error": {"type": kind, "message": message}}
    return {"error": {"type": "api_error", "code": code, "message": message}}


def route(path: str, query: Query, surface: Surface, options: Options) -> Request | None:
    """What a path below /api/v1 stands for on a surface; None when there is nothing there."""
    name, _, key = path.strip("/").partition("/")
    if name == "payments" and key.endswith("/fees"):
        endpoint = _CURRENT_FEES if surface == "current" else FEES
        return Request("/payments/{id}/fees", endpoint, key.removesuffix("/fees"), query)
    if name == "stats" and (surface == "current" or options.additions):
        path, _, metric = key.partition("/")
        if path != "time_series" or "/" in metric:
            return None
        template = "/stats/time_series/{id}" if metric else "/stats/time_series"
        return Request(template, CHARTS, metric or None, query)
    known = CURRENT.get(f"/{name}") if surface == "current" else BY_RESOURCE.get(name)
    added = ADDITIONS.get(f"/{name}")
    if known is None and surface == "legacy" and options.additions:
        known = added
    if name == "permissions" and (surface == "current" or options.additions) and not key:
        known = PERMISSIONS
    if known is None or "/" in key or not (key or known.listed):
        return None
    return Request(f"/{name}/{{id}}" if key else f"/{name}", known, key or None, query)


def refuse_what_ended(path: str, surface: Surface, options: Options) -> None:
    """Raises Refused for a path that a surface does not answer any more, or never did."""
    name = f"/{path.strip('/').partition('/')[0]}"
    for retired in options.retired:
        on, _, ended = retired.rpartition(":")
        if ended == name and (on or "current") == surface:
            raise Refused(410, f"{name} is gone. See the API's changelog for what came after it.")
    if surface == "current" and name in LEFT_BEHIND:
        raise Refused(options.left_behind, f"No such path: {name}")


class Api:
    """The companies one key can reach, those it cannot, and the rules for reading them."""

    def __init__(
        self, businesses: Sequence[Business], foreign: Sequence[Business], options: Options
    ) -> None:
        self.businesses = businesses
        self.foreign = foreign
        self.options = options
        self.between_pages: BetweenPages | None = None
        self._pages: dict[str, int] = {}

    def answer(self, request: Request) -> dict[str, Any]:
        """The body of the answer; raises Refused."""
        endpoint = request.endpoint
        needed = endpoint.permissions + (endpoint.object_permissions if request.key else ())
        for permission in needed:
            if permission not in self.options.permissions:
                raise Refused(403, f"This API key is missing the permission: {permission}")
        if endpoint is PERMISSIONS:
            return self._permissions(request)
        if endpoint.resource == FEES.resource:
            return self._fees(request)
        if endpoint is CHARTS:
            return self._chart(request)
        if request.key is None:
            return self._list(request)
        return self._object(request)

    def write(self, method: str, path: str, body: Any, surface: Surface) -> Any:
        """Carry out a change, and say what came of it; raises Refused."""
        name, _, key = path.strip("/").partition("/")
        key, _, verb = key.partition("/")
        write = WRITES.get((method, f"{name}/{verb}" if verb else name, bool(key)))
        if write is None or surface not in write.surfaces:
            raise Refused(405, f"{method} is not allowed here.")
        if write.permission is not None and write.permission not in self.options.permissions:
            raise Refused(403, f"This API key is missing the permission: {write.permission}")
        if not isinstance(body, dict):
            raise Refused(400, "The body must be a JSON object.")
        for field_name in body:
            if field_name not in write.known(surface):
                raise Refused(400, f"Unknown parameter: {field_name}")
        for business in self.businesses:
            with business.lock:
                if not key or business.tables[write.table].find(key) is not None:
                    return self._written(write, business, key, body, surface)
        raise Refused(404, f"No such {name}: {key}")

    def _written(
        self, write: Write, business: Business, key: str, body: Any, surface: Surface
    ) -> Any:
        said = write.perform(business, key, body)
        if surface == "legacy":
            return said
        if write.says is not None:
            return write.says(key)
        if write.table not in BY_RESOURCE:
            return said
        stored = business.tables[write.table].find(said["id"])
        whole = {**business.full(write.table, stored), **said}
        return current_row(write.table, whole, business, listed=False)

    # One object

    def _object(self, request: Request) -> dict[str, Any]:
        endpoint, key = request.endpoint, request.key
        assert key is not None
        for name in request.query:
            if name not in endpoint.object_parameters:
                self._unknown(endpoint, name)
        resource = endpoint.resource
        own = self.businesses[0]
        if key == "me" and resource == "companies":
            key = own.company_id
        if key == "me" and resource == "users":
            key = own.row("companies", own.company_id)["owner_user"]["id"]
        for business in (*self.businesses, *self.foreign):
            with business.lock:
                table = business.tables[resource]
                item = table.find(key)
                if item is None and resource == "users":
                    item = next(iter(table.having("username", key)), None)
                if item is None or not _always(endpoint, item):
                    continue
                if business in self.foreign and not endpoint.public_object:
                    raise Refused(403, f"You do not have access to {key}.")
                if resource == "files":
                    poll(item.row)
                return self._shown(endpoint, business, item, listed=False)
        raise Refused(404, f"No such {resource}: {key}")

    def _fees(self, request: Request) -> dict[str, Any]:
        """The fees of one payment: a list below an object."""
        query = dict(request.query)
        asked = window(query)
        for name in query:
            self._unknown(request.endpoint, name)
        assert request.key is not None
        for business in self.businesses:
            with business.lock:
                payment = business.tables["payments"].find(request.key)
                if payment is not None:
                    whole = business.show("payments", payment)
                    found = fees(whole, business)
                    if request.endpoint.current:
                        found = [
                            current_row(
                                "payment_fees",
                                {**fee, "_collected_at": whole["paid_at"]},
                                business,
                                listed=True,
                            )
                            for fee in found
                        ]
                    rows = [PlainRow(fee, n, business.clock_ms) for n, fee in enumerate(found)]
                    data, info = page(rows, "number", False, asked, self.options.paging)
                    return {"data": [fee.row for fee in data], "page_info": info}
        raise Refused(404, f"No such payments: {request.key}")

    def _permissions(self, request: Request) -> dict[str, Any]:
        """Every action and whether the key may do it; nothing is granted for somebody else's."""
        query = dict(request.query)
        resource_id, actions = one(query, "resource_id"), one(query, "actions")
        for name in query:
            self._unknown(request.endpoint, name)
        if resource_id is None:
            raise Refused(400, "Missing required parameter: resource_id")
        own = any(
            resource_id == business.company_id or business.tables[table].find(resource_id)
            for business in self.businesses
            for table in ("products", "experiences", "apps")
        )
        wanted = sorted(ALL_PERMISSIONS) if actions is None else actions.split(",")
        granted = self.options.permissions if own else ()
        return {"data": [{"action": name, "granted": name in granted} for name in wanted]}

    def _chart(self, request: Request) -> dict[str, Any]:
        """A metric as a series, or the metrics there are."""
        if request.key is None:
            return charts.catalogue()
        query = dict(request.query)
        (business,) = self._tenants(request.endpoint, query)
        with business.lock:
            return charts.answer(request.key, business, query)

    # Lists

    def _list(self, request: Request) -> dict[str, Any]:
        endpoint = request.endpoint
        query = dict(request.query)
        # Before anything is read: between two pages is when the world may change.
        self._turn_page(f"GET {request.template}", query)
        if endpoint.current and self.options.brackets:
            query = {name.removesuffix("[]"): values for name, values in query.items()}
        businesses = self._tenants(endpoint, query)
        for name in endpoint.required:
            if name not in query:
                raise Refused(400, f"Missing required parameter: {name}")
        tests = tests_of(endpoint, query, self.options)
        order, descending = order_of(endpoint, query)
        asked = window(query, endpoint.paging)
        for name in query:
            self._unknown(endpoint, name)
        if len(businesses) == 1:
            business = businesses[0]
            with business.lock:
                rows = business.tables[endpoint.resource].select(tests, order)
                found, info = page(rows, order, descending, asked, self.options.paging)
                data = [self._shown(endpoint, business, item, listed=True) for item in found]
        else:
            data, info = self._of_several(endpoint, businesses, tests, order, descending, asked)
        return {"data": data, "page_info": info}

    def _turn_page(self, operation: str, query: Query) -> None:
        if "after" in query or "before" in query or "cursor" in query:
            number = self._pages.get(operation, 0)
            if self.between_pages is not None:
                self.between_pages(operation, number)
            self._pages[operation] = number + 1
        else:
            self._pages[operation] = 1

    def _unknown(self, endpoint: Endpoint, name: str) -> None:
        """A parameter that an endpoint does not know: refused, or ignored."""
        if name in endpoint.ignores:
            return
        known = name in endpoint.refuses or not endpoint.current
        if known or self.options.unknown == "refuse":
            raise Refused(400, f"Unknown parameter: {name.removesuffix('[]')}")

    def _tenants(self, endpoint: Endpoint, query: dict[str, Sequence[str]]) -> list[Business]:
        name = self.options.tenant.get(endpoint.path, endpoint.tenant_name)
        everyone = [*self.businesses, *self.foreign]
        if endpoint.tenant == "none":
            return [*self.businesses]
        other = "company_id" if name == "account_id" else "account_id"
        if other in query:
            if endpoint.current:
                self._unknown(endpoint, other)
            elif not endpoint.ignores_unknown_tenant:
                raise Refused(400, f"Unknown parameter: {other}. Did you mean {name}?")
            # Whop really does this: it drops the name it does not know, and with it the filter.
            del query[other]
        wanted = one(query, name)
        if wanted is None:
            return self._without_tenant(endpoint, query, name)
        if endpoint.tenant_or == "member_id" and endpoint.tenant_or in query:
            raise Refused(400, f"Provide either {name} or {endpoint.tenant_or}, not both.")
        for business in everyone:
            if business.company_id == wanted and business not in self.foreign:
                return [business]
            if business.company_id == wanted and endpoint.tenant != "narrow":
                raise Refused(403, f"You do not have access to {wanted}.")
        if endpoint.tenant == "narrow":
            return []
        raise Refused(404, f"No such company: {wanted}")

    def _without_tenant(self, endpoint: Endpoint, query: Query, name: str) -> list[Business]:
        stand_in = endpoint.tenant_or
        if endpoint.tenant == "everywhere":
            return [*self.businesses, *self.foreign]
        if endpoint.tenant == "narrow" or (stand_in is not None and stand_in in query):
            return [*self.businesses]
        if endpoint.tenant == "required":
            either = f" or {stand_in}" if stand_in else ""
            raise Refused(400, f"Missing required parameter: {name}{either}")
        return [] if endpoint.tenant == "or_nothing" else [self.businesses[0]]

    def _of_several(
        self,
        endpoint: Endpoint,
        businesses: Sequence[Business],
        tests: tuple[Test, ...],
        order: str,
        descending: bool,
        asked: Window,
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """A page across several companies: their rows are few, so they are simply put together."""
        owner: dict[int, Business] = {}
        rows: list[Any] = []
        for business in businesses:
            with business.lock:
                found = business.tables[endpoint.resource].select(tests, order)
            rows += found
            owner.update((id(item), business) for item in found)
        rows.sort(key=sort_key(order))
        data, info = page(rows, order, descending, asked, self.options.paging)
        return [self._shown(endpoint, owner[id(item)], item, listed=True) for item in data], info

    def _shown(
        self, endpoint: Endpoint, business: Business, item: Any, *, listed: bool
    ) -> dict[str, Any]:
        """A row as the surface writes it, without what the key may not see."""
        resource = endpoint.resource
        if endpoint.current:
            whole = business.full(resource, item)
            row = current_row(resource, whole, business, listed=listed)
            for name in endpoint.object_only if listed else ():
                row.pop(name, None)
        else:
            row = business.show(resource, item, listed=listed)
        for permission, places in _VEILED.items():
            if permission not in self.options.permissions and resource in _NEEDED_BY.get(
                permission, (resource,)
            ):
                for place in places:
                    row = _without(row, place)
        return row


def _always(endpoint: Endpoint, item: Any) -> bool:
    """Whether an item is one that the endpoint lets be seen at all, by id included."""
    return endpoint.resource != "files" or all(
        getattr(item, name) in wanted for name, _, wanted in endpoint.always
    )


def _without(row: dict[str, Any], place: str) -> dict[str, Any]:
    """The row with null at a place, if it has that place; rows share what they have in common."""
    name, _, inside = place.partition(".")
    if name not in row:
        return row
    if not inside:
        return {**row, name: None}
    if not isinstance(row[name], dict) or inside not in row[name]:
        return row
    return {**row, name: {**row[name], inside: None}}
