"""What can happen to a business, a rule at a time."""

from __future__ import annotations

from collections.abc import Callable

from oracle.business import Business
from oracle.scenarios import edits, leaving, payments, renewals, rows

SCENARIOS: tuple[Callable[[Business], None], ...] = (
    *renewals.SCENARIOS,
    *payments.SCENARIOS,
    *rows.SCENARIOS,
    *edits.SCENARIOS,
    *leaving.SCENARIOS,
)
