"""The HTTP client against answers written by hand: what it sends, retries, refuses and cleans."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import tenacity

from whop_source.client import RETRIED_STATUSES, Page, WhopClient
from whop_source.errors import (
    BrokenPaging,
    KeyRefused,
    NotFound,
    PermissionMissing,
    RequestRefused,
    Unavailable,
    WhopError,
)
from whop_source.rate_limit import RateLimit

KEY = "key-of-the-test-5b1f"
NEVER = threading.Event()
"""Stops nobody."""
DATE = "Thu, 15 Jan 2026 09:00:00 GMT"


@dataclass
class Asked:
    """One request as the server saw it."""

    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    connection: int

    def value(self, name: str) -> str | None:
        return dict(self.query).get(name)


@dataclass
class Says:
    """One answer; `breaks` closes the connection before or in the middle of it."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    breaks: str | None = None
    seconds: float = 0.0


def listing(*rows: Any, next_cursor: str | None = None, more: bool | None = None) -> Says:
    """A page of a list; Whop fills `end_cursor` on the last page too."""
    info = {
        "end_cursor": next_cursor or "the-last",
        "has_next_page": next_cursor is not None if more is None else more,
    }
    return Says({"data": list(rows), "page_info": info})


class Whop:
    """A server that answers from a script, or with a function of the request."""

    def __init__(self, answers: list[Says] | Callable[[Asked], Says]) -> None:
        self.asked: list[Asked] = []
        self._answers = answers
        whop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(parts.path, parse_qsl(parts.query), headers, self.client_address[1])
                self.answer(whop.next_answer(asked))

            def answer(self, says: Says) -> None:
                time.sleep(says.seconds)
                if says.breaks == "drop":
                    self.hang_up()
                    return
                raw = isinstance(says.body, bytes)
                body = says.body if raw else json.dumps(says.body).encode()
                self.send_response_only(says.status)
                headers = {"Date": DATE, "Content-Length": str(len(body)), **says.headers}
                for name, value in headers.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                if says.breaks == "cut":
                    self.wfile.write(body[: len(body) // 2])
                    self.hang_up()
                    return
                self.wfile.write(body)

            def hang_up(self) -> None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, format: str, *args: Any) -> None:
                """The requests are in `asked`."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._http.server_address[1]}/api/v1"

    def next_answer(self, asked: Asked) -> Says:
        self.asked.append(asked)
        if callable(self._answers):
            return self._answers(asked)
        # A client that asks for more than was scripted fails the test; one that never stops must
        # not hang it.
        if len(self.asked) > 100:
            return Says({}, 404)
        return self._answers[min(len(self.asked), len(self._answers)) - 1]

    @contextmanager
    def running(self) -> Iterator[Whop]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()


@contextmanager
def whop(
    *answers: Says, by: Callable[[Asked], Says] | None = None, **settings: Any
) -> Iterator[tuple[Whop, WhopClient]]:
    """A scripted server and a client of it that does not wait long."""
    settings = {"backoff": 0.002, "max_attempts": 3, "timeout": 5.0, **settings}
    with (
        Whop(by or list(answers)).running() as server,
        WhopClient(KEY, server.base_url, **settings) as client,
    ):
        yield server, client


def rows(pages: Iterator[Page]) -> list[Any]:
    return [row for page in pages for row in page.rows]


# What is sent


def test_the_key_is_a_bearer_token_and_a_version_is_always_asked_for() -> None:
    with whop(Says({"id": "biz_1"})) as (server, client):
        client.object("/companies", "me")
    (asked,) = server.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["api-version-date"] == "2025-01-01"
    assert asked.path == "/api/v1/companies/me"


def test_a_version_is_sent_when_one_is_set() -> None:
    with whop(Says({"id": "biz_1"}), api_version="2025-06-01-2") as (server, client):
        client.object("/companies", "me")
    assert server.asked[0].headers["api-version-date"] == "2025-06-01-2"


def test_no_version_is_asked_for_only_when_the_setting_says_none() -> None:
    with whop(Says({"id": "biz_1"}), api_version="none") as (server, client):
        client.object("/companies", "me")
    assert "api-version-date" not in server.asked[0].headers


def test_all_requests_of_one_thread_share_one_connection() -> None:
    pages = [listing({"id": str(n)}, next_cursor=f"c{n}") for n in range(5)]
    with whop(*pages, listing()) as (server, client):
        rows(client.pages("/payments", {}))
    assert len(server.asked) == 6
    assert len({asked.connection for asked in server.asked}) == 1


def test_arrays_are_sent_with_brackets_and_texts_without() -> None:
    with whop(listing()) as (server, client):
        rows(client.pages("/payments", {"statuses": ("open", "a&b"), "order": "created_at"}))
    assert sorted(server.asked[0].query) == [
        ("first", "100"),
        ("order", "created_at"),
        ("statuses[]", "a&b"),
        ("statuses[]", "open"),
    ]


def test_on_current_a_name_is_repeated_for_each_value() -> None:
    with whop(listing(), api_version="2026-10-15-1") as (server, client):
        rows(client.pages("/memberships", {"statuses": ("active", "canceling")}))
    assert sorted(server.asked[0].query) == [
        ("first", "100"),
        ("statuses", "active"),
        ("statuses", "canceling"),
    ]


def test_a_list_may_have_other_names_for_its_page_and_its_cursor() -> None:
    with whop(listing({"id": "1"}, next_cursor="c1"), listing()) as (server, client):
        rows(client.pages("/financial_activity", {}, page_size="limit", cursor="cursor"))
    assert [sorted(asked.query) for asked in server.asked] == [
        [("limit", "100")],
        [("cursor", "c1"), ("limit", "100")],
    ]


# What Whop says of the end of an operation


def test_that_an_operation_will_end_is_noted_once() -> None:
    headers = {
        "Deprecation": "@1787616000",
        "Sunset": "Wed, 31 Mar 2027 00:00:00 GMT",
        "Link": '<https://docs.whop.com/a>; rel="help", </api/v1/payouts>; rel="successor-version"',
    }
    page = listing({"id": "1"}, next_cursor="c1")
    page.headers = headers
    last = listing()
    last.headers = headers
    with whop(page, last) as (_, client):
        rows(client.pages("/withdrawals", {}))
    assert client.notices == {
        "GET /withdrawals": "GET /withdrawals: Whop will retire it on Wed, 31 Mar 2027 00:00:00 "
        "GMT (deprecated since 2026-08-25) in favour of /api/v1/payouts; a later release of "
        "whop-elt may be needed"
    }


@pytest.mark.parametrize("headers", [{"Deprecation": "true"}, {"Sunset": "soon"}])
def test_headers_that_are_not_as_their_standards_say_are_told_all_the_same(
    headers: dict[str, str],
) -> None:
    with whop(Says({"id": "x"}, headers=headers)) as (_, client):
        client.object("/payments", "x")
    (notice,) = client.notices.values()
    assert notice.startswith("GET /payments/{id}: Whop will retire it")


def test_a_link_alone_is_no_notice() -> None:
    with whop(Says({"id": "x"}, headers={"Link": '</b>; rel="successor-version"'})) as (_, client):
        client.object("/payments", "x")
    assert client.notices == {}


def test_the_page_size_can_be_set_by_the_caller() -> None:
    with whop(listing()) as (server, client):
        rows(client.pages("/payments", {"first": "1"}))
    assert server.asked[0].value("first") == "1"


# Paging


def test_every_page_is_read_in_order_and_the_filters_go_with_each() -> None:
    with whop(
        listing({"id": "1"}, {"id": "2"}, next_cursor="c1"),
        listing({"id": "3"}, next_cursor="c2"),
        listing({"id": "4"}),
    ) as (server, client):
        read = rows(client.pages("/payments", {"include_free": "true"}))
    assert [row["id"] for row in read] == ["1", "2", "3", "4"]
    assert [asked.value("after") for asked in server.asked] == [None, "c1", "c2"]
    assert {asked.value("include_free") for asked in server.asked} == {"true"}


def test_a_filled_cursor_on_the_last_page_is_not_followed() -> None:
    last = listing({"id": "1"})
    assert last.body["page_info"]["end_cursor"]
    with whop(last) as (server, client):
        assert len(rows(client.pages("/payments", {}))) == 1
    assert len(server.asked) == 1


def test_an_empty_page_in_the_middle_is_not_the_end() -> None:
    with whop(listing(next_cursor="c1"), listing({"id": "1"})) as (_, client):
        assert rows(client.pages("/payments", {})) == [{"id": "1"}]


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"]])
def test_a_cursor_that_comes_again_stops_the_list(cursors: list[str]) -> None:
    pages = [listing({"id": "1"}, next_cursor=cursor) for cursor in cursors]
    with whop(*pages) as (server, client), pytest.raises(BrokenPaging, match="a second time"):
        rows(client.pages("/payments", {}))
    assert len(server.asked) == len(cursors)


def test_a_further_page_without_a_cursor_stops_the_list() -> None:
    page = Says({"data": [], "page_info": {"end_cursor": None, "has_next_page": True}})
    with whop(page) as (server, client), pytest.raises(BrokenPaging, match="missing"):
        rows(client.pages("/payments", {}))
    assert len(server.asked) == 1


END = {"has_next_page": False}


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"page_info": END},
        {"data": {}, "page_info": END},
        {"data": [], "page_info": {}},
        {"data": [{"id": "1"}], "page_info": {"end_cursor": "a", "has_next_page": None}},
        {"data": [{"id": "1"}, None], "page_info": END},
        {"data": [["1"]], "page_info": END},
    ],
)
def test_an_answer_that_is_no_list_is_no_empty_list(body: Any) -> None:
    with whop(Says(body)) as (_, client), pytest.raises(WhopError, match=r"/payments"):
        rows(client.pages("/payments", {}))


def test_the_server_s_clock_comes_with_each_answer() -> None:
    moment = datetime(2026, 1, 15, 9, tzinfo=UTC)
    with whop(listing(), Says({"id": "1"})) as (_, client):
        (page,) = client.pages("/payments", {})
        assert page.server_time == moment
        assert client.object("/plans", "1")[1] == moment


@pytest.mark.parametrize("date", ["", "not a date"])
def test_without_a_readable_date_the_local_clock_counts(date: str) -> None:
    with whop(Says({"id": "1"}, headers={"Date": date})) as (_, client):
        _, moment = client.object("/plans", "1")
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 5


# The name of the company's parameter


def wants(name: str) -> Callable[[Asked], Says]:
    """A server that refuses a request without that name for the company."""

    def answer(asked: Asked) -> Says:
        if asked.value(name) == "biz_1":
            more = asked.value("after") is None
            return listing({"id": "1"}, next_cursor="c1" if more else None)
        return Says({"error": {"message": f"{name} is required"}}, 400)

    return answer


@pytest.mark.parametrize(
    ("configured", "wanted"),
    [("company_id", "account_id"), ("account_id", "company_id")],
)
def test_the_other_name_is_tried_after_a_400_and_remembered(configured: str, wanted: str) -> None:
    with whop(by=wants(wanted)) as (server, client):
        for _ in range(2):
            read = rows(client.pages("/plans", {}, tenant=configured, company_id="biz_1"))
            assert len(read) == 2
    sent = [[name for name, _ in asked.query if name.endswith("_id")] for asked in server.asked]
    assert sent == [[configured], [wanted], [wanted], [wanted], [wanted]]


def test_the_name_is_remembered_per_path() -> None:
    def answer(asked: Asked) -> Says:
        return wants("account_id" if asked.path.endswith("/plans") else "company_id")(asked)

    with whop(by=answer) as (server, client):
        for path in ("/plans", "/members"):
            rows(client.pages(path, {}, tenant="company_id", company_id="biz_1"))
    assert [asked.value("account_id") is None for asked in server.asked] == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_400_that_has_nothing_to_do_with_the_name_keeps_its_own_message() -> None:
    def answer(asked: Asked) -> Says:
        name = "company_id" if asked.value("company_id") else "account_id"
        return Says({"message": f"bad order, said to {name}"}, 400)

    with whop(by=answer) as (server, client), pytest.raises(RequestRefused, match="to company_id"):
        rows(client.pages("/plans", {}, tenant="company_id", company_id="biz_1"))
    assert len(server.asked) == 2


def test_a_filter_refused_later_is_not_blamed_on_the_name() -> None:
    def answer(asked: Asked) -> Says:
        if asked.value("updated_after"):
            return Says({"message": "unknown updated_after"}, 400)
        return listing()

    with whop(by=answer) as (server, client):
        rows(client.pages("/payments", {}, tenant="company_id", company_id="biz_1"))
        with pytest.raises(RequestRefused, match="updated_after"):
            rows(
                client.pages(
                    "/payments",
                    {"updated_after": "x"},
                    tenant="company_id",
                    company_id="biz_1",
                )
            )
    assert len(server.asked) == 2


def test_a_table_without_a_tenant_sends_none() -> None:
    with whop(listing()) as (server, client):
        rows(client.pages("/companies", {}, tenant=None, company_id="biz_1"))
    assert server.asked[0].query == [("first", "100")]


# Errors that a retry does not heal


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefused),
        (401, KeyRefused),
        (403, PermissionMissing),
        (404, NotFound),
        (422, RequestRefused),
        (405, RequestRefused),
        (410, NotFound),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "no", "message": "because of that"}},
        {"message": "because of that"},
        {"error": "because of that"},
        {"detail": "because of that"},
        {"errors": [{"code": "no", "message": "because of that"}]},
        b"because of that",
    ],
    ids=["nested", "flat", "bare", "detail", "list", "text"],
)
def test_a_refusal_is_told_at_once(status: int, error: type[WhopError], body: Any) -> None:
    with whop(Says(body, status)) as (server, client):
        with pytest.raises(error) as caught:
            client.object("/plans", "plan_1")
        assert len(server.asked) == 1
        assert not client.retries
    assert type(caught.value) is error
    text = str(caught.value)
    assert "because of that" in text
    assert "{'" not in text
    assert str(status) in text
    assert "GET /plans/{id}" in text
    assert KEY not in text
    assert caught.value.server_time == datetime(2026, 1, 15, 9, tzinfo=UTC)


def test_a_refused_key_says_which_setting_to_change() -> None:
    with whop(Says({}, 401)) as (_, client), pytest.raises(KeyRefused, match="WHOP__API_KEY"):
        client.object("/companies", "me")


def test_an_address_that_is_none_says_which_setting_to_change() -> None:
    with (
        WhopClient(KEY, "api.whop.com/api/v1", backoff=0.001) as client,
        pytest.raises(WhopError, match="WHOP__BASE_URL"),
    ):
        client.object("/companies", "me")


# Errors that it may heal

TROUBLES = {
    **{f"status {status}": Says({"message": "x"}, status) for status in sorted(RETRIED_STATUSES)},
    "dropped": Says(breaks="drop"),
    "cut off": Says({"id": "x" * 500}, breaks="cut"),
    "html": Says(b"<html>Just a moment...</html>"),
    "empty": Says(b""),
    "half a document": Says(b'{"data": ['),
    "no object": Says([1, 2]),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_trouble_is_retried_until_it_passes(trouble: Says) -> None:
    with whop(trouble, trouble, Says({"id": "plan_1"})) as (server, client):
        assert client.object("/plans", "plan_1")[0] == {"id": "plan_1"}
        assert client.requests == {"GET /plans/{id}": 3}
        assert client.retries == {"GET /plans/{id}": 2}
    assert len(server.asked) == 3


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_trouble_that_stays_ends_after_a_bounded_number_of_tries(trouble: Says) -> None:
    with whop(trouble) as (server, client):
        with pytest.raises(Unavailable, match="after 3 tries") as caught:
            rows(client.pages("/payments", {}))
        assert client.base_url in str(caught.value)
        assert KEY not in str(caught.value)
    assert len(server.asked) == 3


def test_a_page_in_the_middle_is_asked_for_again_not_the_whole_list() -> None:
    with whop(listing({"id": "1"}, next_cursor="c1"), Says({}, 503), listing({"id": "2"})) as (
        server,
        client,
    ):
        assert rows(client.pages("/payments", {})) == [{"id": "1"}, {"id": "2"}]
    assert [asked.value("after") for asked in server.asked] == [None, "c1", "c1"]


def test_nobody_listening_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/api/v1"
        with (
            WhopClient(KEY, address, max_attempts=2, backoff=0.001) as client,
            pytest.raises(Unavailable, match="after 2 tries"),
        ):
            client.object("/companies", "me")


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    slow = Says({"id": "1"}, seconds=0.6)
    with whop(slow, Says({"id": "1"}), timeout=0.15) as (server, client):
        began = time.monotonic()
        assert client.object("/plans", "1")[0] == {"id": "1"}
        assert time.monotonic() - began < 0.6
    assert len(server.asked) == 2


# How long it waits


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds each retry would have waited; none of them does."""
    slept: list[float] = []

    retrying = tenacity.Retrying

    def patient(**given: Any) -> tenacity.Retrying:
        return retrying(**{**given, "sleep": slept.append})

    monkeypatch.setattr("whop_source.client.tenacity.Retrying", patient)
    return slept


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit exceeded. Try again in 7 seconds.", 7),
        ("Try again in 1.5s", 1.5),
        ("Please wait 250ms", 0.25),
        ("Please wait 250 milliseconds", 0.25),
        ("Retry in 2 minutes", 120),
        ("600 max per minute. Try again in 3 seconds", 3),
        ("Try again in 1 minute", 60),
    ],
)
def test_a_429_says_in_its_message_how_long_to_wait(
    waits: list[float], message: str, seconds: float
) -> None:
    refused = Says({"error": {"message": message}}, 429)
    with whop(refused, Says({"id": "1"})) as (_, client):
        client.object("/plans", "1")
    assert waits == [pytest.approx(seconds, abs=0.05)]
    assert waits[0] >= seconds


@pytest.mark.parametrize(
    "message",
    ["600 max per minute", "600/min, 601 made", "Limit: 600 m", "You made 700 s", "in 5 tries"],
)
def test_a_number_that_is_no_time_to_wait_is_not_taken_for_one(
    waits: list[float], message: str
) -> None:
    with whop(Says({"message": message}, 429), Says({"id": "1"})) as (_, client):
        client.object("/plans", "1")
    assert waits[0] < 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1.5", 1.5),
        ("Thu, 15 Jan 2026 09:00:30 GMT", 30),
        ("Thu, 15 Jan 2026 08:00:00 GMT", 0),
        ("-5", 0),
    ],
)
def test_a_retry_after_header_may_be_a_decimal_or_a_date(
    waits: list[float], header: str, seconds: float
) -> None:
    with whop(Says({}, 503, headers={"Retry-After": header}), Says({"id": "1"})) as (_, client):
        client.object("/plans", "1")
    assert waits == [pytest.approx(seconds, abs=0.05)]


@pytest.mark.parametrize("header", ["nan", "inf", "soon", ""])
def test_a_retry_after_header_that_says_nothing_is_as_none(waits: list[float], header: str) -> None:
    with whop(Says({}, 503, headers={"Retry-After": header}), Says({"id": "1"})) as (_, client):
        client.object("/plans", "1")
    assert len(waits) == 1 and 0 < waits[0] < 1


@pytest.mark.parametrize(
    "asked",
    [
        Says({}, 503, headers={"Retry-After": "86400"}),
        Says({}, 503, headers={"Retry-After": "Fri, 16 Jan 2026 09:00:00 GMT"}),
        Says({"message": "Try again in 10 hours"}, 429),
    ],
)
def test_no_wait_is_longer_than_two_minutes_whatever_is_asked(
    waits: list[float], asked: Says
) -> None:
    with whop(asked, max_attempts=4) as (_, client), pytest.raises(Unavailable):
        client.object("/plans", "1")
    assert waits == [120, 120, 120]


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_header_counts_more_than_the_message(waits: list[float], status: int) -> None:
    refused = Says({"message": "Try again in 7 seconds."}, status, {"Retry-After": "3"})
    with whop(refused, Says({"id": "1"})) as (_, client):
        client.object("/plans", "1")
    assert waits == [pytest.approx(3, abs=0.05)]


def test_a_number_in_another_error_is_not_a_time_to_wait(waits: list[float]) -> None:
    refused = Says({"message": "Database down since 3600 seconds"}, 503)
    with whop(refused, Says({"id": "1"})) as (_, client):
        client.object("/plans", "1")
    assert waits[0] < 1


def test_without_a_word_the_waits_double_with_jitter(waits: list[float]) -> None:
    with (
        whop(Says({}, 500), max_attempts=8, backoff=1.0) as (_, client),
        pytest.raises(Unavailable),
    ):
        client.object("/plans", "1")
    assert len(waits) == 7
    for number, wait in enumerate(waits):
        assert min(2**number, 60) <= wait <= min(2**number + 1, 60)
    assert len({wait % 1 for wait in waits[:5]}) > 1, "no jitter"


# The limit on this side


def test_the_limit_lets_through_what_is_allowed_and_holds_the_rest() -> None:
    limit = RateLimit(limit=5, seconds=0.3)
    began = time.monotonic()
    started = []
    for _ in range(11):
        limit.wait("GET /payments", NEVER)
        started.append(time.monotonic() - began)
    assert started[4] < 0.15
    assert started[5] >= 0.3
    assert started[10] >= 0.6
    for earlier, later in zip(started, started[5:], strict=False):
        assert later - earlier >= 0.29


def test_each_operation_has_a_limit_of_its_own() -> None:
    limit = RateLimit(limit=2, seconds=30)
    began = time.monotonic()
    for operation in ("GET /payments", "GET /members", "GET /members/{id}"):
        limit.wait(operation, NEVER)
        limit.wait(operation, NEVER)
    assert time.monotonic() - began < 1


def test_threads_share_the_limit() -> None:
    limit = RateLimit(limit=4, seconds=0.25)
    started: list[float] = []

    def ask() -> None:
        limit.wait("GET /payments", NEVER)
        started.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started.sort()
    assert len(started) == 10
    assert started[4] - started[0] >= 0.24
    assert started[8] - started[4] >= 0.24


def test_the_client_keeps_whop_s_limit_per_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(RateLimit, "wait", lambda self, operation, _: waited.append(operation))
    with whop(listing(next_cursor="c1"), Says({}, 503), listing(), Says({"id": "1"})) as (_, one):
        rows(one.pages("/payments", {}))
        one.object("/payments", "pay_1")
    assert waited == ["GET /payments"] * 3 + ["GET /payments/{id}"]
    assert RateLimit()._limit <= 600


def test_a_client_that_is_stopped_sends_nothing_more_and_wakes_who_waits() -> None:
    with whop(Says({}, 503), listing()) as (_, one):
        one._backoff = 60
        failures: list[WhopError] = []

        def ask() -> None:
            try:
                rows(one.pages("/payments", {}))
            except WhopError as error:
                failures.append(error)

        waiting = threading.Thread(target=ask)
        waiting.start()
        while not one.retries:
            time.sleep(0.01)
        one.stop()
        waiting.join(5)
        assert not waiting.is_alive(), "still waits for its next try"
        assert "stopped" in str(failures[0])
        assert one.requests["GET /payments"] == 1


def test_a_client_that_is_stopped_leaves_a_shared_limit_to_the_others() -> None:
    limit = RateLimit(limit=1, seconds=60)
    with whop(Says({"id": "1"})) as (server, first):
        second = WhopClient(KEY, server.base_url, rate_limit=limit)
        first._rate_limit = limit
        limit.wait("GET /plans/{id}", NEVER)
        failures: list[WhopError] = []

        def ask() -> None:
            try:
                first.object("/plans", "1")
            except WhopError as error:
                failures.append(error)

        waiting = threading.Thread(target=ask)
        waiting.start()
        first.stop()
        waiting.join(5)
        assert not waiting.is_alive(), "still waits for its turn"
        assert "stopped" in str(failures[0])
        held = threading.Thread(target=second.object, args=("/plans", "1"), daemon=True)
        held.start()
        held.join(0.3)
        assert held.is_alive(), "the limit does not hold any more"
        second.stop()
        held.join(5)


# Secrets and texts


def test_secrets_never_get_past_the_client() -> None:
    app = {"id": "app_1", "api_key": {"token": "s3cret"}, "secrets": {"a": "s3cret"}, "name": "x"}
    secrets = ("api_key", "secrets")
    with whop(Says(app), listing(app)) as (_, client):
        assert client.object("/apps", "app_1", secrets=secrets)[0] == {"id": "app_1", "name": "x"}
        assert rows(client.pages("/apps", {}, secrets=secrets)) == [{"id": "app_1", "name": "x"}]


ECHOES = [
    Says({"error": {"message": f"Invalid API key provided: {KEY}"}}, 401),
    Says({"message": f"{KEY} lacks payment:basic:read"}, 403),
    Says({"detail": f"no object for Bearer {KEY}"}, 404),
    Says({"errors": [f"unknown parameter {KEY}"]}, 422),
    Says({"message": f"{KEY} made too many requests"}, 429),
    Says({"message": f"upstream of {KEY} is down"}, 502),
    Says(f"<html>{'x' * 185}{KEY}</html>".encode(), 400),
    Says(f"no JSON: {'x' * 60}{KEY}".encode(), 200),
    Says(f"{KEY} ".encode() * 10, 200),
]


@pytest.mark.parametrize("says", ECHOES)
def test_a_key_that_a_server_repeats_is_in_no_error(says: Says) -> None:
    with whop(says, max_attempts=2) as (_, client), pytest.raises(WhopError) as raised:
        client.object("/plans", "1")
    assert_keeps(KEY, raised.value)


def assert_keeps(key: str, error: BaseException | None) -> None:
    """No part of the key is in the error, or in what it came from."""
    while error is not None:
        assert not any(key[:8] in text for text in (str(error), repr(error))), repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("key", ["a key\nof two lines", "clé-secrète"])
def test_a_key_that_cannot_be_sent_is_in_no_error(key: str) -> None:
    with (
        whop(Says({"id": "1"})) as (server, _),
        pytest.raises((WhopError, ValueError)) as raised,
    ):
        WhopClient(key, server.base_url).object("/plans", "1")
    assert_keeps(key[:6], raised.value)


UNWANTED = [
    *(f"\\u{code:04x}" for code in (0, 1, 8, 11, 12, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F)),
    *("\\b", "\\f", "\\ufdd0", "\\uFDEF", "\\uFFFE", "\\uffff", "\\ud83f\\udfff"),
    *("\x7f", "\x80", "\x9b", "\ufdd0", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"),
]


@pytest.mark.parametrize("unwanted", UNWANTED)
def test_no_control_character_and_no_noncharacter_gets_past_the_client(unwanted: str) -> None:
    body = f'{{"data": [{{"id": "1", "title": "a{unwanted}b"}}], '
    body += '"page_info": {"has_next_page": false}}'
    with whop(Says(body.encode())) as (_, client):
        (page,) = client.pages("/products", {})
    assert page.rows == [{"id": "1", "title": "ab"}]
    assert page.cleaned == 1


def test_characters_no_database_holds_are_taken_out_and_counted() -> None:
    body = (
        rb'{"data": [{"id": "1", "name": "a\u0000b", "bad\u0000key": ["\ud83d", "ok"]},'
        rb' {"id": "2", "name": "\ud83d\ude00 fine"}],'
        rb' "page_info": {"has_next_page": false, "end_cursor": "c"}}'
    )
    with whop(Says(body)) as (_, client):
        (page,) = client.pages("/members", {})
    first, second = page.rows
    assert first["name"] == "ab"
    assert first["badkey"] == ["�", "ok"]
    assert second["name"] == "😀 fine"
    assert page.cleaned == 3
    json.dumps(page.rows, ensure_ascii=False).encode()


def test_clean_texts_are_left_alone() -> None:
    row = {"id": "1", "name": "Zoë 😀 ﷺ £\xa0 \U0001f9bf \t\r\n \\u0000 \\b is just text"}
    for body in (listing(row), Says(json.dumps(listing(row).body, ensure_ascii=False).encode())):
        with whop(body) as (_, client):
            (page,) = client.pages("/members", {})
        assert (page.rows, page.cleaned) == ([row], 0)
