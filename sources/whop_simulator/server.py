"""A running simulator: keys, versions, rate limits, faults and controls."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from math import ceil
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from . import uploads
from .api import Api, BetweenPages, Request, error_body, refuse_what_ended, route
from .business import Business
from .endpoint import ErrorShape
from .endpoints import BY_RESOURCE
from .faults import Faults
from .listening import Answer, Handler, Http
from .options import Options
from .refusal import Refused
from .surfaces import HEADER, LEGACY, Surface, surface_of

DEFAULT_KEY = "simulated-key-7f3a91c2"
_PREFIX = "/api/v1"
_HTML = b"<html><head><title>Just a moment...</title></head><body>Checking.</body></html>"


class Server:
    """A running simulator: where it listens, what it was asked, and what it should get wrong."""

    def __init__(
        self,
        businesses: Sequence[Business],
        *,
        port: int = 0,
        latency: float = 0.0,
        rate_limit: int | None = None,
        rate_window: float = 60.0,
        retry_after: bool = False,
        api_key: str = DEFAULT_KEY,
        foreign: bool = True,
        options: Options | None = None,
    ) -> None:
        self.businesses = businesses
        self.api_key = api_key
        self.latency = latency
        self.rate_limit = rate_limit
        self.rate_window = rate_window
        self.retry_after = retry_after
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.log: list[tuple[str, dict[str, list[str]]]] = []
        others = [Business(seed=990_017, members=0)] if foreign else []
        self.versions: Counter[str | None] = Counter()
        self.options = options or Options()
        self._api = Api(businesses, others, self.options)
        self._lock = Lock()
        self._asked: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._http = Http(("127.0.0.1", port), Handler, self)
        for business in businesses:
            business.uploads_url = f"{self.root_url}{uploads.PATH}"
        self._thread = Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    @property
    def root_url(self) -> str:
        """Where the controls are: below `/_simulator`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client takes for https://api.whop.com/api/v1."""
        return f"{self.root_url}{_PREFIX}"

    @property
    def clock(self) -> datetime:
        """The simulated time, which is also the `Date` of every answer."""
        return self.businesses[0].clock if self.businesses else datetime.now(UTC)

    @property
    def between_pages(self) -> BetweenPages | None:
        """Called with the operation and the number of pages served, before the next is read."""
        return self._api.between_pages

    @between_pages.setter
    def between_pages(self, call: BetweenPages | None) -> None:
        self._api.between_pages = call

    def advance(self, by: timedelta) -> None:
        """Move the clocks of all its businesses forward."""
        for business in self.businesses:
            business.advance(by)

    def advance_to(self, moment: datetime) -> None:
        """Move the clocks of all its businesses to a moment."""
        for business in self.businesses:
            business.advance_to(moment)

    def reset_counters(self) -> None:
        """Forget the requests so far, for the counts, the log and the rate limit."""
        with self._lock:
            self.requests.clear()
            self.versions.clear()
            self.log.clear()
            self._asked.clear()

    def start(self) -> None:
        """Listen."""
        self._thread.start()

    def run(self) -> None:
        """Listen until interrupted."""
        self._http.serve_forever()

    def close(self) -> None:
        """Stop listening, and hang up on everybody."""
        if self._thread.is_alive():
            self._http.shutdown()
        self._http.server_close()
        self._http.hang_up()

    def count(self, operation: str, query: dict[str, list[str]]) -> None:
        """Remember that this was asked."""
        with self._lock:
            self.requests[operation] += 1
            self.log.append((operation, query))

    def over_limit(self, operation: str, key: str) -> float:
        """Seconds until the key may ask this operation again; 0 when it may now."""
        if self.rate_limit is None:
            return 0.0
        now = time.monotonic()
        with self._lock:
            asked = self._asked[operation, key]
            while asked and asked[0] <= now - self.rate_window:
                del asked[0]
            if len(asked) >= self.rate_limit:
                return asked[0] + self.rate_window - now
            asked.append(now)
        return 0.0

    def control(self, method: str, path: str, body: bytes) -> dict[str, Any] | list[Any]:
        """The simulator's own addresses, for tests in another process."""
        given = orjson.loads(body) if body else {}
        if (method, path) == ("GET", "/requests"):
            with self._lock:
                log = [{"operation": name, "query": query} for name, query in self.log]
                versions = {str(name): count for name, count in self.versions.items()}
                return {"requests": dict(self.requests), "log": log, "versions": versions}
        if (method, path) == ("POST", "/reset"):
            self.reset_counters()
            return {"ok": True}
        if (method, path) == ("POST", "/clock"):
            if "to" in given:
                self.advance_to(datetime.fromisoformat(given["to"]))
            else:
                self.advance(timedelta(days=given["advance_days"]))
            return {"clock": self.clock.isoformat()}
        if (method, path) == ("PUT", "/faults"):
            self.faults.replace(given)
            return {"ok": True}
        resource = path.removeprefix("/rows/")
        if method == "GET" and resource in (*BY_RESOURCE, "financial_activity", "payouts"):
            return [row for business in self.businesses for row in business.rows(resource)]
        raise Refused(404, f"No such control: {method} {path}")

    def upload(self, target: str, headers: Message, sent: int) -> Answer:
        """What sending a file's bytes gets; the storage answers without a body."""
        parts = urlsplit(target)
        operation = f"PUT {uploads.PATH}/{{id}}"
        self.count(operation, {})
        fault, _ = self.faults.strike(operation)
        if fault is not None and fault.kind == "status":
            raise Refused(fault.status, "SlowDown")
        file_id = parts.path.removeprefix(f"{uploads.PATH}/")
        answer = Answer(200, b"")
        if fault is not None and fault.kind == "drop":
            answer.broken = "drop"
            return answer
        for business in self.businesses:
            with business.lock:
                if business.tables["files"].find(file_id) is not None:
                    query = dict(parse_qsl(parts.query))
                    uploads.receive(business, file_id, query, headers, sent)
                    return answer
        raise Refused(404, "NoSuchKey")

    def surface(self, date: str | None) -> Surface:
        """The surface that answers: the header's, else the key's; raises Refused."""
        return surface_of(date or self.options.pin or LEGACY)

    def answer(self, method: str, target: str, headers: Message, sent: bytes) -> Answer:
        """What a request below /api/v1 gets."""
        parts = urlsplit(target)
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        path = unquote(parts.path.removeprefix(_PREFIX))
        date = headers.get(HEADER)
        request = self._route(path, query, date)
        operation = f"{method} {request.template if request else path}"
        with self._lock:
            self.versions[date] += 1
        self.count(operation, query)
        fault, beside = self.faults.strike(operation)
        if "strip_version" in beside and date is not None:
            date = None
            request = self._route(path, query, date)
        if self.latency:
            time.sleep(self.latency)
        if fault is not None and fault.kind == "slow":
            time.sleep(fault.seconds)
        shape: ErrorShape = request.endpoint.errors if request else "nested"
        key = headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            if key != self.api_key:
                raise Refused(401, "Invalid or missing API key.")
            wait = self.over_limit(operation, key)
            if wait > 0:
                raise _TooMany(wait, self.retry_after)
            if fault is not None and fault.kind == "status":
                if fault.status == 429:
                    raise _TooMany(fault.seconds, fault.retry_after)
                raise Refused(fault.status, _FAULT_TEXTS.get(fault.status, "Something went wrong."))
            surface = self.surface(date)
            refuse_what_ended(path, surface, self.options)
            if method != "GET":
                body = self._api.write(method, path, _parsed(sent), surface)
            elif request is None:
                raise Refused(404, f"No such path: {path}")
            else:
                body = self._api.answer(request)
        except Refused as refusal:
            text = f"{refusal.message} Key: {key}" if "echo_key" in beside else refusal.message
            answer = Answer(refusal.status, orjson.dumps(error_body(shape, refusal.status, text)))
            answer.headers |= self._ending(path)
            if isinstance(refusal, _TooMany) and refusal.header:
                answer.headers["Retry-After"] = str(ceil(refusal.wait))
            return answer
        if fault is not None and fault.kind == "repeat_cursor" and request and not request.key:
            body["page_info"].update(end_cursor="WzAsMCwwXQ", has_next_page=True)
        answer = Answer(200, orjson.dumps(body))
        answer.headers |= self._ending(path)
        if fault is not None and fault.kind == "html":
            answer.body, answer.content_type = _HTML, "text/html"
        elif fault is not None and (fault.kind == "drop" or fault.kind == "cut"):
            answer.broken = fault.kind
        return answer

    def _route(self, path: str, query: dict[str, list[str]], date: str | None) -> Request | None:
        try:
            return route(path, query, self.surface(date), self.options)
        except Refused:
            # Refused in its turn: a wrong key is told first.
            return route(path, query, "legacy", self.options)

    def _ending(self, path: str) -> dict[str, str]:
        """The headers that say that a path will end."""
        told = self.options.deprecated.get(f"/{path.strip('/').partition('/')[0]}")
        return {} if told is None else told.headers()


_FAULT_TEXTS = {
    401: "Invalid or missing API key.",
    403: "This API key is missing a permission.",
    500: "Internal error.",
    502: "Bad gateway.",
    503: "Service unavailable.",
}


def _parsed(sent: bytes) -> Any:
    try:
        return orjson.loads(sent) if sent else {}
    except ValueError:
        raise Refused(400, "The body is not JSON.") from None


class _TooMany(Refused):
    def __init__(self, wait: float, header: bool) -> None:
        super().__init__(429, f"Rate limit exceeded. Try again in {ceil(wait)} seconds.")
        self.wait = wait
        self.header = header


@contextmanager
def serve(
    *businesses: Business,
    port: int = 0,
    latency: float = 0.0,
    rate_limit: int | None = None,
    rate_window: float = 60.0,
    retry_after: bool = False,
    api_key: str = DEFAULT_KEY,
    foreign: bool = True,
    **switches: Any,
) -> Iterator[Server]:
    """Serve the businesses on loopback until the block ends.

    `foreign` adds a company the key cannot reach; `switches` are the fields of `Options`.
    """
    server = Server(
        businesses,
        port=port,
        latency=latency,
        rate_limit=rate_limit,
        rate_window=rate_window,
        retry_after=retry_after,
        api_key=api_key,
        foreign=foreign,
        options=Options(**switches),
    )
    server.start()
    try:
        yield server
    finally:
        server.close()
