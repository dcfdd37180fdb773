"""Speaks to Whop's API over HTTP: key, version, paging, rate limit, retries and errors.

Knows nothing of dlt, of tables, or of what has been read before. It is one class, whose budgets and
counts every request shares: hence its length.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx
import tenacity

from . import surface
from .answers import asked_wait, ending_of, message_of, refusal_of, rows_of, time_of
from .decoding import decode
from .errors import (
    BrokenPaging,
    NotFound,
    NotOffered,
    RequestRefused,
    Unavailable,
    Unconfirmed,
    WhopError,
)
from .rate_limit import RateLimit
from .surface import NO_VERSION, surface_of

DEFAULT_BASE_URL = "https://api.whop.com/api/v1"
"""Whop's documentation, "Getting started"; the test environment is sandbox-api.whop.com."""

LEGACY = surface.LEGACY.version
"""The version that is asked for when none is set. Whop keeps a version with each key, and a key
made since about August 2026 has the newest one of that day: without the header it is answered on
another surface. A header always wins ("API Versions" in Whop's documentation), so it is always
sent."""

PAGE_SIZE = 100
"""Rows per page: the documented maximum."""

TENANT_PARAMETERS = ("company_id", "account_id")
"""The two names Whop's endpoints have for the company; one that refuses one wants the other."""

RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})

NOT_DONE_STATUSES = frozenset({409, 429})
"""Those that say that nothing was done: the only ones after which a change is sent again."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What breaks before the first byte of a request has left."""

LONGEST_WAIT = 120.0
"""Seconds that a run waits between two tries, whatever a server asks for."""

Row = dict[str, Any]
Params = Mapping[str, str | Sequence[str]]


class _Transient(Exception):
    """An answer, or the lack of one, that is worth a retry."""

    def __init__(self, message: str, wait: float | None = None, *, not_done: bool = False) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds the server asked for; None when it did not say."""
        self.not_done = not_done
        """Whether the server certainly did nothing: then even a change may be sent again."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    rows: list[Row]
    server_time: datetime
    """UTC, from the `Date` header; the local clock where there is none."""
    cleaned: int
    """Texts out of which a character was taken that no database, page or terminal wants."""
    more: bool
    """Whether the list goes on behind this page."""


class WhopClient:
    """Whop's API for one key. Safe to use from several threads; each operation has its own budget.

    Args:
        api_key: the company or account API key.
        base_url: root of the API, with its version (`…/api/v1`).
        api_version: value of the `Api-Version-Date` header; `none` sends no header, and the key's
            own version answers.
        timeout: seconds to wait for a connection, and for each piece of an answer.
        max_attempts: how often one request is tried before `Unavailable`.
        backoff: seconds before the first retry; doubles with each, up to a minute, with jitter.
        rate_limit: shared by clients of one key, as Whop counts by key; None is one of its own.

    Raises:
        ValueError: `api_version` is no version, or the key holds a character that cannot be sent.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str = DEFAULT_BASE_URL,
        api_version: str = LEGACY,
        *,
        timeout: float = 60.0,
        max_attempts: int = 8,
        backoff: float = 0.5,
        rate_limit: RateLimit | None = None,
    ) -> None:
        if not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("Set SOURCES__WHOP__API_KEY anew: it holds a character no key has")
        headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        if api_version != NO_VERSION:
            headers["Api-Version-Date"] = api_version
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            headers=headers,
            timeout=httpx.Timeout(timeout),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )
        self.base_url = base_url
        self.api_version = api_version
        self.surface = surface_of(api_version)
        """The surface that answers."""
        self._rate_limit = rate_limit or RateLimit()
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._tenant_names: dict[str, str] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.requests: Counter[str] = Counter()
        """Requests sent, by operation, retries included."""
        self.retries: Counter[str] = Counter()
        """Requests sent again, by operation."""
        self.notices: dict[str, str] = {}
        """What Whop has said of the end of an operation, by operation: one line each."""

        spellings = {api_key, quote(api_key, safe=""), ascii(api_key)[1:-1]}
        self._spellings = sorted(spellings - {""}, key=len, reverse=True)

    def __enter__(self) -> WhopClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def stop(self) -> None:
        """Send nothing more, from whatever thread: requests that wait for their turn fail."""
        self._stopped.set()

    def masked(self, text: str) -> str:
        """Return the text without the key, in case a server or a proxy has repeated it."""
        for spelled in self._spellings:
            text = text.replace(spelled, "***")
        return text

    def page(
        self,
        path: str,
        params: Params,
        *,
        tenant: str | None = None,
        company_id: str | None = None,
        secrets: Sequence[str] = (),
    ) -> Row:
        """Return one page of a list as Whop writes it, with its `page_info`.

        Arguments and errors are those of `pages`; `params` say which page.
        """
        body, _, _ = self._list(path, params, tenant, company_id)
        rows_of(body, path, secrets)
        return body

    def pages(
        self,
        path: str,
        params: Params,
        *,
        tenant: str | None = None,
        company_id: str | None = None,
        secrets: Sequence[str] = (),
        operation: str | None = None,
        page_size: str = "first",
        cursor: str = "after",
    ) -> Iterator[Page]:
        """Yield every page of a list, in the list's order.

        Args:
            path: path of the list (`/payments`).
            params: query parameters; of a sequence every item is sent, on Legacy with brackets
                (`statuses[]`).
            tenant: name of the parameter for the company; the other name is tried after a 400.
            company_id: the company.
            secrets: top-level fields to remove from every row.
            operation: what the requests count as, when the path holds an id.
            page_size: name of the parameter for the rows on a page.
            cursor: name of the parameter for the cursor of the next page.

        Raises:
            BrokenPaging: a cursor came a second time, or a further page was announced without one.
            WhopError: see the subclasses.
        """
        query: dict[str, str | Sequence[str]] = {page_size: str(PAGE_SIZE), **params}
        seen: set[str] = set()
        while True:
            try:
                body, server_time, cleaned = self._list(path, query, tenant, company_id, operation)
            except NotFound as error:
                raise NotOffered(str(error)) from error
            rows, page_info = rows_of(body, path, secrets), body["page_info"]
            # end_cursor stays filled in on the last page: only has_next_page says that it is one.
            more: bool = page_info["has_next_page"]
            yield Page(rows, server_time, cleaned, more)
            if not more:
                return
            behind = page_info.get("end_cursor")
            if not behind or behind in seen:
                what = "comes a second time" if behind else "is missing"
                raise BrokenPaging(f"GET {path}: the cursor of the next page {what}")
            seen.add(behind)
            query[cursor] = behind

    def object(
        self,
        path: str,
        object_id: str,
        *,
        params: Params = MappingProxyType({}),
        secrets: Sequence[str] = (),
    ) -> tuple[Row, datetime]:
        """Return one object by its id, and the server's time in UTC.

        Args:
            path: path of the list it is in (`/payments`).
            object_id: its id.
            params: query parameters.
            secrets: top-level fields to remove.

        Raises:
            NotFound: there is no such object.
            WhopError: see the subclasses.
        """
        body, server_time, _ = self._request(
            "GET", f"{path}/{object_id}", params, operation=f"GET {path}/{{id}}"
        )
        for name in secrets:
            body.pop(name, None)
        return body, server_time

    def answer(self, path: str, params: Params) -> Row:
        """Return an answer that is neither one object nor a list with pages.

        Raises:
            WhopError: see the subclasses.
        """
        body, _, _ = self._request("GET", path, params, f"GET {path}")
        answer: Row = body
        return answer

    def change(self, method: str, path: str, body: Row | None, *, operation: str) -> Any:
        """Change something at Whop, and return the answer: an object or, of some, a bare `true`.

        Sent again only when it certainly had no effect: no connection, 409 or 429.

        Args:
            method: POST, PATCH or DELETE.
            path: path of the object, or of the list that gets a new one.
            body: JSON to send; None sends none.
            operation: what the request counts as (`PATCH /plans/{id}`).

        Raises:
            Unconfirmed: the request went out, and nothing says what became of it.
            WhopError: see the subclasses.
        """
        answer, _, _ = self._request(method, path, {}, operation, body)
        return answer

    def _list(
        self,
        path: str,
        query: Params,
        tenant: str | None,
        company_id: str | None,
        operation: str | None = None,
    ) -> tuple[Row, datetime, int]:
        """One page; finds out which name the endpoint has for the company."""
        if tenant is None or company_id is None:
            return self._request("GET", path, query, operation or f"GET {path}")
        known = self._tenant_names.get(path)
        name = known or tenant
        try:
            answer = self._request("GET", path, {**query, name: company_id}, f"GET {path}")
        except RequestRefused as refused:
            if known:
                raise
            (other,) = (each for each in TENANT_PARAMETERS if each != tenant)
            try:
                answer = self._request("GET", path, {**query, other: company_id}, f"GET {path}")
            except RequestRefused:
                # Neither name helps: it was not the trouble, and the first answer says what is.
                raise refused from None
            name = other
        self._tenant_names[path] = name
        return answer

    def _request(
        self, method: str, path: str, query: Params, operation: str, json_body: Row | None = None
    ) -> tuple[Any, datetime, int]:
        several = "[]" if self.surface.brackets else ""
        params = httpx.QueryParams(
            [
                pair
                for name, value in query.items()
                for pair in (
                    [(name, value)]
                    if isinstance(value, str)
                    else [(f"{name}{several}", item) for item in value]
                )
            ]
        )
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, _Transient) and (method == "GET" or error.not_done)
            ),
            stop=tenacity.stop_after_attempt(self._max_attempts),
            wait=self._pause,
            before_sleep=lambda _: self._count(self.retries, operation),
            sleep=tenacity.sleep_using_event(self._stopped),
        )
        try:
            return retrying(self._send, method, path, params, operation, json_body)
        except _Transient as lost:
            raise Unconfirmed(
                f"{operation}: sent, but {self.base_url} did not confirm it ({lost}). It may have "
                "been done: look before sending it again"
            ) from lost
        except tenacity.RetryError as error:
            cause = error.last_attempt.exception()
            raise Unavailable(
                f"{operation}: no usable answer from {self.base_url} after "
                f"{self._max_attempts} tries; the last: {cause}"
            ) from cause

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next try: what the server asked for, else backoff with jitter."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, _Transient) else None
        backoff = tenacity.wait_exponential_jitter(self._backoff, max=60, jitter=self._backoff)
        if asked is None:
            return backoff(state)
        # What asks for more is no rate limit: the try counts, and the run comes to its end.
        return min(asked + self._backoff * 0.1, LONGEST_WAIT)

    def _send(
        self,
        method: str,
        path: str,
        params: httpx.QueryParams,
        operation: str,
        json_body: Row | None,
    ) -> tuple[Any, datetime, int]:
        self._rate_limit.wait(operation, self._stopped)
        if self._stopped.is_set():
            raise WhopError(f"{operation}: not sent, as the run was stopped")
        self._count(self.requests, operation)
        failure: Exception
        try:
            response = self._http.request(method, path, params=params, json=json_body)
        except httpx.UnsupportedProtocol:
            failure = WhopError(f"{self.base_url} is no address: set SOURCES__WHOP__BASE_URL")
        except httpx.LocalProtocolError as error:
            says = self.masked(str(error))
            failure = WhopError(f"The request cannot be sent: {says}. Look at the settings")
        except httpx.TransportError as error:
            # A refused, dropped or timed-out connection, and a body shorter than announced.
            says = self.masked(f"{type(error).__name__}: {error}")
            failure = _Transient(says, not_done=isinstance(error, NEVER_SENT))
        else:
            return self._read(response, method, operation)
        # Not while the library's error is handled: its own words would go along, key and all.
        raise failure

    def _read(
        self, response: httpx.Response, method: str, operation: str
    ) -> tuple[Any, datetime, int]:
        """What an answer holds, the server's time, and how many texts were cleaned."""
        if notice := ending_of(response):
            with self._lock:
                self.notices.setdefault(operation, self.masked(f"{operation}: {notice}"))
        if response.status_code in RETRIED_STATUSES:
            raise _Transient(
                f"HTTP {response.status_code}: {message_of(response, self.masked)}",
                asked_wait(response, message_of(response, self.masked)),
                not_done=response.status_code in NOT_DONE_STATUSES,
            )
        if not response.is_success:
            refusal = refusal_of(response, operation, message_of(response, self.masked))
            refusal.server_time = time_of(response)
            raise refusal
        decoded = None
        with suppress(ValueError):
            decoded = decode(response.content)
        if decoded is None:
            # What begins like JSON was an answer of Whop's, and may hold a credential.
            begins = "broken off"
            if response.content.lstrip()[:1] not in (b"{", b"["):
                begins = repr(self.masked(response.text)[:80])
            raise _Transient(f"the answer is not JSON: {begins}")
        body, cleaned = decoded
        if method == "GET" and not isinstance(body, dict):
            raise _Transient(f"the answer is not a JSON object but a {type(body).__name__}")
        return body, time_of(response), cleaned

    def _count(self, counter: Counter[str], operation: str) -> None:
        with self._lock:
            counter[operation] += 1
