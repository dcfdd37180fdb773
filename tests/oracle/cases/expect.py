"""What must come out of most situations: movements, reasons, columns of a month."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from oracle.cases.story import Answer

Check = Callable[[Answer], None]


def expect(
    *moves: tuple[str, str, int | str],
    why: dict[str, tuple[str, str] | None] | None = None,
    months: dict[str, dict[str, Any]] | None = None,
) -> Check:
    """The movements, why memberships ended (None: it runs), and columns of `metrics_monthly`."""

    def check(a: Answer) -> None:
        assert a.moves() == [(day, kind, Decimal(change)) for day, kind, change in moves]
        for membership, reason in (why or {}).items():
            assert a.why(membership) == (reason or (None, None)), membership
            assert (a.subscription(membership)["ended_at"] is None) is (reason is None), membership
        for month, columns in (months or {}).items():
            found = a.month(month)
            assert {name: found[name] for name in columns} == columns

    return check


def moved(*moves: tuple[str, str, str]) -> Check:
    def check(a: Answer) -> None:
        assert a.moves() == [(day, kind, Decimal(change)) for day, kind, change in moves]

    return check
