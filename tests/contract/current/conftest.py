"""The Current surface's simulator, and Whop's newest client in a mode stricter than its own."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from whop_sdk import Whop
from whop_sdk.core.pagination import SyncPager
from whop_sdk.environment import WhopEnvironment

from whop_simulator import Business, Server, serve

from .strict import faults

Row = dict[str, Any]


class Official:
    """Whop's client on a server, with every answer it gets held against the client's own types."""

    def __init__(self, server: Server, key: str | None = None) -> None:
        self.answers: list[tuple[httpx.Request, Any]] = []
        self._http = httpx.Client(event_hooks={"response": [self._heard]})
        self.client = Whop(
            token=key or server.api_key,
            environment=WhopEnvironment(api=server.base_url, vault=server.base_url),
            httpx_client=self._http,
            max_retries=0,
        )

    def _heard(self, answer: httpx.Response) -> None:
        answer.read()
        self.answers.append((answer.request, json.loads(answer.content)))

    def call(self, resource: str, method: str = "list", *given: Any, **parameters: Any) -> Any:
        """What a method answers, as it was written; every page of a list."""
        self.answers.clear()
        said = getattr(getattr(self.client, resource), method)(*given, **parameters)
        pages = list(said.iter_pages()) if hasattr(said, "iter_pages") else []
        kind = self.type_of(resource, method)
        for request, answer in self.answers:
            assert [*faults(kind, answer)] == [], str(request.url)
        if pages:
            return [row for _, answer in self.answers for row in answer["data"]]
        return self.answers[-1][1]

    def type_of(self, resource: str, method: str) -> Any:
        """The type of what a method's request is answered with."""
        call: Callable[..., Any] = getattr(getattr(self.client, resource), method)
        module = __import__(call.__module__, fromlist=["_"])
        told = typing.get_type_hints(call, vars(module), include_extras=True)["return"]
        return typing.get_args(told)[-1] if typing.get_origin(told) is SyncPager else told

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="session")
def business() -> Business:
    return Business(members=150, years=2)


@pytest.fixture(scope="session")
def server(business: Business) -> Iterator[Server]:
    with serve(business) as running:
        yield running


@pytest.fixture
def official(server: Server) -> Iterator[Official]:
    made = Official(server)
    yield made
    made.close()
