"""Answers one request the way Whop would; knows nothing of sockets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from .business import Business
from .endpoints import (
    ALL_PERMISSIONS,
    BY_RESOURCE,
    DISPUTES,
    EMAIL,
    PHONE,
    RESOLUTIONS,
    Endpoint,
    ErrorShape,
    Filter,
)
from .money import fees
from .refusal import Refused
from .tables import PlainRow, Test, place_after, place_before, sort_key
from .units import parse_ms
from .uploads import poll
from .writes import WRITES

# The Legacy surface, which is also what no header at all gets, and the date that whop-sdk 0.0.41
# sends by itself. The rows follow that client's types, so the two are answered alike.
SUPPORTED_VERSIONS = ("2025-01-01", "2026-07-08-1")
PAGE_SIZE = 100  # default and maximum where Whop documents one

Query = Mapping[str, Sequence[str]]
BetweenPages = Callable[[str, int], None]

FEES = Endpoint(resource="payment_fees", prefix="fee", permissions=("payment:basic:read",))
"""The one list that is below an object, and whose rows have no id."""

_PAGING = ("first", "after", "last", "before")
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    429: "rate_limited",
    500: "internal_error",
    502: "bad_gateway",
    503: "service_unavailable",
}


@dataclass
class Options:
    """How this Whop behaves where the real one is undocumented or has changed over time."""

    paging: Literal["keyset", "offset"] = "keyset"
    bounds: Literal["inclusive", "exclusive"] = "exclusive"
    refuse: Mapping[str, Collection[str]] = field(default_factory=dict)
    tenant: Mapping[str, str] = field(default_factory=dict)
    permissions: Collection[str] = ALL_PERMISSIONS


@dataclass(frozen=True)
class Request:
    """An address that was understood: what it stands for and with which parameters."""

    template: str
    endpoint: Endpoint
    key: str | None
    """Id of the one object asked for; None for the list."""
    query: Query


def error_body(shape: ErrorShape, status: int, message: str) -> dict[str, Any]:
    """An error the way the endpoint words it: a code and a message, in one of three shapes."""
    code = _CODES.get(status, "error")
    if shape == "flat":
        return {"code": code, "message": message}
    if shape == "list":
        return {"errors": [{"code": code, "message": message}]}
    return {"error": {"type": "api_error", "code": code, "message": message}}


def route(path: str, query: Query) -> Request | None:
    """What a path below /api/v1 stands for; None when there is nothing there."""
    name, _, key = path.strip("/").partition("/")
    endpoint = BY_RESOURCE.get(name)
    if name == "payments" and key.endswith("/fees"):
        return Request("/payments/{id}/fees", FEES, key.removesuffix("/fees"), query)
    if endpoint is None or "/" in key or not (key or endpoint.listed):
        return None
    return Request(f"/{name}/{{id}}" if key else f"/{name}", endpoint, key or None, query)


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
        if request.endpoint is FEES:
            return self._fees(request)
        if request.key is None:
            return self._list(request)
        return self._object(request)

    def write(self, method: str, path: str, body: Any) -> Any:
        """Carry out a change, and say what came of it; raises Refused."""
        name, _, key = path.strip("/").partition("/")
        write = WRITES.get((method, name, bool(key)))
        if write is None:
            raise Refused(405, f"{method} is not allowed here.")
        if write.permission is not None and write.permission not in self.options.permissions:
            raise Refused(403, f"This API key is missing the permission: {write.permission}")
        if not isinstance(body, dict):
            raise Refused(400, "The body must be a JSON object.")
        for field_name in body:
            if field_name not in write.fields:
                raise Refused(400, f"Unknown parameter: {field_name}")
        for business in self.businesses:
            with business.lock:
                if not key or business.tables[name].find(key) is not None:
                    return write.perform(business, key, body)
        raise Refused(404, f"No such {name}: {key}")

    # One object

    def _object(self, request: Request) -> dict[str, Any]:
        endpoint, key = request.endpoint, request.key
        assert key is not None
        for name in request.query:
            if name not in endpoint.object_parameters:
                raise Refused(400, f"Unknown parameter: {name}")
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
                if item is None:
                    continue
                if business in self.foreign and not endpoint.public_object:
                    raise Refused(403, f"You do not have access to {key}.")
                if resource == "files":
                    poll(item.row)
                return self._veiled(resource, business.show(resource, item))
        raise Refused(404, f"No such {resource}: {key}")

    def _fees(self, request: Request) -> dict[str, Any]:
        """The fees of one payment: a list below an object."""
        query = dict(request.query)
        start_from, forward, size, cursor = self._window(query)
        if query:
            raise Refused(400, f"Unknown parameter: {next(iter(query))}")
        assert request.key is not None
        for business in self.businesses:
            with business.lock:
                payment = business.tables["payments"].find(request.key)
                if payment is not None:
                    found = fees(business.show("payments", payment), business)
                    rows = [PlainRow(fee, n, business.clock_ms) for n, fee in enumerate(found)]
                    page, info = self._page(
                        rows, "number", False, start_from, forward, size, cursor
                    )
                    return {"data": [fee.row for fee in page], "page_info": info}
        raise Refused(404, f"No such payments: {request.key}")

    # Lists

    def _list(self, request: Request) -> dict[str, Any]:
        endpoint = request.endpoint
        query = dict(request.query)
        # Before anything is read: between two pages is when the world may change.
        self._turn_page(f"GET {request.template}", query)
        businesses = self._tenants(endpoint, query)
        for name in endpoint.required:
            if name not in query:
                raise Refused(400, f"Missing required parameter: {name}")
        tests = self._tests(endpoint, query)
        order, descending = self._order(endpoint, query)
        start_from, forward, size, cursor = self._window(query)
        if query:
            raise Refused(400, f"Unknown parameter: {next(iter(query))}")
        if len(businesses) == 1:
            business = businesses[0]
            with business.lock:
                rows = business.tables[endpoint.resource].select(tests, order)
                page, info = self._page(rows, order, descending, start_from, forward, size, cursor)
                data = [business.show(endpoint.resource, item, listed=True) for item in page]
        else:
            data, info = self._marketplace(
                endpoint, businesses, tests, order, descending, start_from, forward, size, cursor
            )
        data = [self._veiled(endpoint.resource, row) for row in data]
        return {"data": data, "page_info": info}

    def _turn_page(self, operation: str, query: Query) -> None:
        if "after" in query or "before" in query:
            number = self._pages.get(operation, 0)
            if self.between_pages is not None:
                self.between_pages(operation, number)
            self._pages[operation] = number + 1
        else:
            self._pages[operation] = 1

    def _tenants(self, endpoint: Endpoint, query: dict[str, Sequence[str]]) -> list[Business]:
        name = self.options.tenant.get(endpoint.path, endpoint.tenant_name)
        everyone = [*self.businesses, *self.foreign]
        if endpoint.tenant == "none":
            return [*self.businesses]
        other = "company_id" if name == "account_id" else "account_id"
        if other in query:
            if not endpoint.ignores_unknown_tenant:
                raise Refused(400, f"Unknown parameter: {other}. Did you mean {name}?")
            # Whop really does this: it drops the name it does not know, and with it the filter.
            del query[other]
        wanted = _one(query, name)
        if wanted is None:
            stand_in = endpoint.tenant_or
            if endpoint.tenant == "everywhere" or (stand_in is not None and stand_in in query):
                return everyone if endpoint.tenant == "everywhere" else [*self.businesses]
            if endpoint.tenant == "required":
                either = f" or {stand_in}" if stand_in else ""
                raise Refused(400, f"Missing required parameter: {name}{either}")
            return [self.businesses[0]]
        if endpoint.tenant_or is not None and endpoint.tenant_or in query:
            raise Refused(400, f"Provide either {name} or {endpoint.tenant_or}, not both.")
        for business in everyone:
            if business.company_id == wanted:
                if business in self.foreign:
                    raise Refused(403, f"You do not have access to {wanted}.")
                return [business]
        raise Refused(404, f"No such company: {wanted}")

    def _tests(self, endpoint: Endpoint, query: dict[str, Sequence[str]]) -> tuple[Test, ...]:
        refused = self.options.refuse.get(endpoint.path, ())
        tests: list[Test] = []
        for item in endpoint.filters:
            if item.name in query and item.name.removesuffix("[]") in refused:
                raise Refused(400, f"Unknown parameter: {item.name.removesuffix('[]')}")
            values = query.pop(item.name, None)
            test = self._test(item, values)
            if test is not None:
                tests.append(test)
        return tuple(tests)

    def _test(self, item: Filter, values: Sequence[str] | None) -> Test | None:
        if item.kind == "shown":
            return item.facet, "in", _visible(item, values)
        if item.kind == "free":
            wants_free = values is not None and _boolean(item.name, _only(item.name, values))
            return None if wants_free else (item.facet, "in", frozenset({False}))
        if values is None:
            return None
        if item.kind == "in" or (item.kind == "any" and item.name.endswith("[]")):
            _check(item, values)
            return item.facet, item.kind, frozenset(values)
        value = _only(item.name, values)
        if item.kind in ("after", "before"):
            try:
                moment = parse_ms(value)
            except ValueError:
                raise Refused(400, f"Invalid timestamp for {item.name}: {value}") from None
            exclusive = self.options.bounds == "exclusive"
            closed = "from" if item.kind == "after" else "until"
            return item.facet, item.kind if exclusive else closed, moment
        if item.kind in ("after_unix", "before_unix"):
            if not value.isascii() or not value.isdigit():
                raise Refused(400, f"Invalid timestamp for {item.name}: {value}")
            return item.facet, item.kind.removesuffix("_unix"), int(value) * 1000
        if item.kind in ("least", "most"):
            if value not in ("1", "2", "3", "4", "5"):
                raise Refused(400, f"Invalid value for {item.name}: {value}")
            return item.facet, "from" if item.kind == "least" else "until", int(value)
        if item.kind == "true":
            wanted = _boolean(item.name, value)
            return (item.facet, "in", frozenset({True})) if wanted else None
        if item.kind == "text":
            facet = item.facet if EMAIL in self.options.permissions else "search_public"
            return facet, "text", value.lower()
        _check(item, [value])
        return item.facet, "any" if item.kind == "any" else "in", frozenset({value})

    def _order(self, endpoint: Endpoint, query: dict[str, Sequence[str]]) -> tuple[str, bool]:
        orders = dict(endpoint.orders)
        name = endpoint.orders[0][0]
        direction = "desc"
        if endpoint.takes_order and "order" in query:
            name = _one(query, "order") or ""
            if name not in orders:
                raise Refused(400, f"Invalid value for order: {name}")
        if endpoint.takes_direction and "direction" in query:
            direction = _one(query, "direction") or ""
            if direction not in ("asc", "desc"):
                raise Refused(400, f"Invalid value for direction: {direction}")
        return orders[name], direction == "desc"

    def _window(
        self, query: dict[str, Sequence[str]]
    ) -> tuple[str | None, bool, int, list[Any] | None]:
        """Which side of which cursor, how many, and whether counted from the front."""
        given = {name: _one(query, name) for name in _PAGING}
        if given["first"] is not None and given["last"] is not None:
            raise Refused(400, "Provide either first or last, not both.")
        if given["after"] is not None and given["before"] is not None:
            raise Refused(400, "Provide either after or before, not both.")
        backward = given["last"] is not None or (
            given["before"] is not None and given["first"] is None
        )
        size = PAGE_SIZE
        for name in ("first", "last"):
            text = given[name]
            if text is not None:
                if not text.isascii() or not text.isdigit() or int(text) < 1:
                    raise Refused(400, f"Invalid value for {name}: {text}")
                size = min(int(text), PAGE_SIZE)
        side = "after" if given["after"] is not None else "before"
        text = given[side]
        if text is None:
            return None, not backward, size, None
        return side, not backward, size, _read_cursor(text)

    def _page(
        self,
        rows: list[Any],
        order: str,
        descending: bool,
        side: str | None,
        forward: bool,
        size: int,
        cursor: list[Any] | None,
    ) -> tuple[list[Any], dict[str, Any]]:
        """The rows of one page, and where it begins and ends.

        Places are counted in the direction asked for; `rows` always ascends.
        """
        count = len(rows)
        start, stop = 0, count
        keyset = self.options.paging == "keyset"
        if side is not None:
            assert cursor is not None
            if keyset:
                try:
                    missing, value, number = cursor
                    key = (bool(missing), value, int(number))
                    low, high = place_before(rows, order, key), place_after(rows, order, key)
                except (TypeError, ValueError):
                    raise Refused(400, "Invalid cursor for this order.") from None
                if descending:
                    low, high = count - high, count - low
            else:
                low = min(int(cursor[0]), count)
                high = min(low + 1, count)
            start, stop = (high, count) if side == "after" else (0, low)
        if forward:
            stop = min(stop, start + size)
        else:
            start = max(start, stop - size)
        if descending:
            low, high = count - stop, count - start
            page = rows[low:high][::-1]
        else:
            page = rows[start:stop]
        get = sort_key(order)

        def cursor_at(place: int) -> str | None:
            if not page:
                return None
            position = list(get(page[place - start])) if keyset else [place]
            return _write_cursor(position)

        return page, {
            "start_cursor": cursor_at(start),
            "end_cursor": cursor_at(stop - 1),
            "has_next_page": stop < count,
            "has_previous_page": start > 0,
        }

    def _marketplace(
        self,
        endpoint: Endpoint,
        businesses: Sequence[Business],
        tests: tuple[Test, ...],
        order: str,
        descending: bool,
        side: str | None,
        forward: bool,
        size: int,
        cursor: list[Any] | None,
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
        page, info = self._page(rows, order, descending, side, forward, size, cursor)
        resource = endpoint.resource
        return [owner[id(item)].show(resource, item, listed=True) for item in page], info

    def _veiled(self, resource: str, row: dict[str, Any]) -> dict[str, Any]:
        """The row without what the key may not see."""
        allowed = self.options.permissions
        if EMAIL not in allowed and isinstance(row.get("user"), dict) and "email" in row["user"]:
            row = {**row, "user": {**row["user"], "email": None}}
        if PHONE not in allowed:
            if resource == "members":
                row = {**row, "phone": None}
            for name, inside in (("member", "phone"), ("membership", "phone_number")):
                if resource == "payments" and row.get(name):
                    row = {**row, name: {**row[name], inside: None}}
        for name, permission in (("disputes", DISPUTES), ("resolutions", RESOLUTIONS)):
            if name in row and permission not in allowed:
                row = {**row, name: None}
        return row


def _one(query: dict[str, Sequence[str]], name: str) -> str | None:
    values = query.pop(name, None)
    return None if values is None else _only(name, values)


def _only(name: str, values: Sequence[str]) -> str:
    if len(values) != 1:
        raise Refused(400, f"Give {name} once.")
    return values[0]


def _boolean(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise Refused(400, f"Invalid value for {name}: {value}")
    return value == "true"


def _check(item: Filter, values: Sequence[str]) -> None:
    for value in values:
        if item.among and value not in item.among:
            raise Refused(400, f"Invalid value for {item.name.removesuffix('[]')}: {value}")


def _visible(item: Filter, values: Sequence[str] | None) -> frozenset[str]:
    """The visibilities asked for, some of which stand for several."""
    every = frozenset({"visible", "hidden", "archived", "quick_link"})
    if values is None:
        return every.difference(item.left_out)
    _check(item, values)
    shown: set[str] = set()
    for value in values:
        if value == "all":
            shown |= every
        elif value.startswith("not_"):
            shown |= every - {value.removeprefix("not_")}
        else:
            shown.add(value)
    return frozenset(shown)


def _write_cursor(position: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def _read_cursor(text: str) -> list[Any]:
    try:
        position = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        raise Refused(400, f"Invalid cursor: {text}") from None
    if not isinstance(position, list) or not position:
        raise Refused(400, f"Invalid cursor: {text}")
    return position
