"""Settings as people write them, and as they are pasted from a page."""

from __future__ import annotations

from typing import Any

import pytest

from whop_source import RESOURCES, given, whop

KEY = "key-5b1f"


def opened(**settings: Any) -> Any:
    """The run that the source would make."""
    source = whop(**{"api_key": KEY, **settings})
    (resource, *_) = source.resources.values()
    generator: Any = resource._pipe.gen
    return generator.gi_frame.f_locals["self"]


@pytest.mark.parametrize(
    "key", [KEY, f" {KEY}\n", f"\ufeff{KEY}", "key\u200b-5b1f\u2060", f"\r\n\t{KEY}\u00a0"]
)
def test_a_key_is_taken_without_what_was_pasted_along(key: str) -> None:
    headers = opened(api_key=key)._client._http.headers
    assert headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", ["", " \n", "\u200b\ufeff"])
def test_a_key_of_nothing_that_can_be_seen_is_empty(key: str) -> None:
    with pytest.raises(ValueError, match="SOURCES__WHOP__API_KEY: it is empty"):
        whop(api_key=key)


@pytest.mark.parametrize("key", ["key\nof-two-lines", "clé"])
def test_a_key_that_cannot_be_one_is_named_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="SOURCES__WHOP__API_KEY") as raised:
        whop(api_key=key)
    assert key[-3:] not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "companies"),
    [
        ({}, ["me"]),
        ({"company_id": " \n"}, ["me"]),
        ({"company_id": " biz_a\n"}, ["biz_a"]),
        ({"company_ids": ["biz_a ", "\tbiz_b", "biz_a", ""]}, ["biz_a", "biz_b"]),
        ({"company_id": "", "company_ids": ["\u200bbiz_a"]}, ["biz_a"]),
    ],
)
def test_companies_are_taken_once_each_and_without_blanks(
    settings: dict[str, Any], companies: list[str]
) -> None:
    assert opened(**settings)._company_ids == companies


@pytest.mark.parametrize(
    "settings",
    [{"company_id": "biz_a biz_b"}, {"company_ids": ["biz_a", "biz\nb"]}, {"company_id": "a/b"}],
)
def test_what_is_no_company_is_named_with_its_setting(settings: dict[str, Any]) -> None:
    name = f"SOURCES__WHOP__{next(iter(settings)).upper()}"
    with pytest.raises(ValueError, match=rf"^{name} has '.*biz_AbC123$"):
        whop(api_key=KEY, **settings)


def test_an_address_is_taken_without_blanks() -> None:
    assert opened(base_url=" https://api.whop.com/api/v1\n")._client.base_url == (
        "https://api.whop.com/api/v1"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.whop.com",
        "ftp://a.b/c",
        "https://",
        "https://a b/",
        "https://a:x/",
        "http://a/?b=c",
    ],
)
def test_what_is_no_address_is_named_with_its_setting(url: str) -> None:
    with pytest.raises(ValueError, match=r"SOURCES__WHOP__BASE_URL is .*, no address: https://"):
        whop(api_key=KEY, base_url=url)


def test_what_no_setting_holds_is_not_taken_from_the_middle_of_a_name() -> None:
    assert given.seen("a b") == "a b"
    assert len(RESOURCES) > 20
