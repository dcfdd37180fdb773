"""A row that says whose it is is believed, however it says it."""

from __future__ import annotations

from typing import Any

import pytest

from sources.whop.errors import ForeignRow
from sources.whop.reading import Reader
from sources.whop.resources import BY_NAME


def look(row: dict[str, Any]) -> None:
    client: Any = None
    reader = Reader(client, "biz_a", lambda *_: None)
    reader._check_company(BY_NAME["payments"], {"id": "pay_1", **row})


@pytest.mark.parametrize("company", [{"id": "biz_a"}, "biz_a", None, {"id": None}])
def test_our_own_row_and_one_that_does_not_say_are_taken(company: Any) -> None:
    look({"company": company})
    look({})


@pytest.mark.parametrize("company", [{"id": "biz_b"}, "biz_b"])
def test_a_row_of_another_company_is_refused_also_when_it_is_a_bare_id(company: Any) -> None:
    with pytest.raises(ForeignRow, match="pay_1 belongs to biz_b, not to biz_a"):
        look({"company": company})
