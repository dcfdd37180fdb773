"""What is said to each engine in its own words is tried on every engine, by a data test."""

from __future__ import annotations

import re

import pytest
from warehouse import DBT_PROJECT

HOOKS = {"prepare_session", "refresh_statistics"}
"""Not part of a query: they run before or after each model of every build."""

MACROS = "\n".join(path.read_text() for path in sorted(DBT_PROJECT.glob("macros/*.sql")))
DISPATCHED = sorted({*re.findall(r"adapter\.dispatch\('(\w+)'", MACROS)} - HOOKS)
OF_SPARK = sorted({*re.findall(r"macro spark__(\w+)\(", MACROS)} - HOOKS - {"cast"})
"""`cast` is the one of dbt's contracts, which every mart has."""

TRIED = "\n".join(
    (DBT_PROJECT / "tests" / f"{name}.sql").read_text()
    for name in ("macros_of_engines", "exact_division", "exact_shares")
)


@pytest.mark.parametrize("macro", sorted({*DISPATCHED, *OF_SPARK}))
def test_every_word_of_an_engine_is_tried_on_all(macro: str) -> None:
    assert re.search(rf"\b{macro}\b", TRIED)


def test_the_words_are_found() -> None:
    assert len(DISPATCHED) > 10
    assert {"divide", "local_date", "listagg"} <= {*DISPATCHED, *OF_SPARK}
