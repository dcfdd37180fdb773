"""A row that says whose it is is believed, however it says it."""

from __future__ import annotations

from typing import Any

import pytest

from whop_source.errors import ForeignRow
from whop_source.reading import Reader
from whop_source.resources import BY_NAME


def look(row: dict[str, Any]) -> None:
    client: Any = None
    reader = Reader(client, "biz_a", lambda *_: None)
    reader._check_company(BY_NAME["payments"], {"id": "pay_1", **row})


@pytest.mark.parametrize("company", [{"id": "biz_a"}, "biz_a"])
def test_our_own_row_is_taken(company: Any) -> None:
    look({"company": company})


def test_a_row_that_does_not_say_whose_it_is_is_refused_where_rows_say_so() -> None:
    assert BY_NAME["payments"].company_named == "nullable"
    look({"company": None})
    with pytest.raises(ForeignRow, match="pay_1 does not say which company it belongs to"):
        look({})


@pytest.mark.parametrize("company", [{"id": "biz_b"}, "biz_b"])
def test_a_row_of_another_company_is_refused_also_when_it_is_a_bare_id(company: Any) -> None:
    with pytest.raises(ForeignRow, match="pay_1 belongs to biz_b, not to biz_a"):
        look({"company": company})
