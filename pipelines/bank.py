"""Says in a sentence whether a company's money at Whop ties, and what does not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from .destination import MARTS
from .errors import NothingThere
from .figures import as_written, month_written
from .reading import Warehouse


def told_cash(warehouse: Warehouse, company_id: str) -> str | None:
    """Return whether the last full month ties to the smallest unit; else the largest difference.

    Args:
        warehouse: one whose models are built.
        company_id: the company.

    Returns:
        None where there is no ledger: the key may not read it, or an earlier release built the
        marts.
    """
    try:
        _, months = warehouse.query(
            f"""select month, currency, closing_amount, differences, difference,
                  balance_difference, ties
                from {MARTS}.cash_reconciliation
                where company_id = %s
                order by month desc, currency""",
            company_id,
        )
    except NothingThere:
        return None
    if not months:
        return None
    # The newest month is the one under way; where there is no other, it is all there is.
    newest = months[0][0]
    full = [row for row in months if row[0] < newest]
    chosen = full[0][0] if full else newest
    rows = [row for row in months if row[0] == chosen]
    under_way = [row for row in months if row[0] == newest]
    apart = [row for row in rows if row[3]]
    if apart:
        return _apart(warehouse, company_id, chosen, apart)
    balances = [row for row in under_way if row[5]]
    if balances:
        _, currency, _, _, _, difference, _ = balances[0]
        return (
            f"Cash: {month_written(chosen)} ties, but the ledger adds up to {_signed(difference)} "
            f"{currency.upper()} more than Whop says there is"
        )
    held = [row for row in rows if row[2]] or rows
    closed = ", ".join(f"{_plain(row[2])} {row[1].upper()}" for row in held)
    said = "" if any(row[5] is None for row in under_way) else ", and Whop's balance is ours"
    return f"Cash: {month_written(chosen)} ties to the cent{said}. It closed with {closed}"


def _apart(warehouse: Warehouse, company_id: str, month: date, apart: list[tuple[Any, ...]]) -> str:
    """What does not tie: how much of it there is, and the largest of it by name."""
    _, (worst, *_) = warehouse.query(
        f"""select reference_id, component, currency, ledger_amount, our_amount
            from {MARTS}.cash_differences
            where company_id = %s and month = %s
            order by abs(difference) desc, reference_id""",
        company_id,
        month,
    )
    reference, component, currency, theirs, ours = worst
    count = sum(row[3] for row in apart)
    sums = ", ".join(f"{_signed(row[4])} {row[1].upper()}" for row in apart)
    return (
        f"Cash: {month_written(month)} does not tie by {sums}, in {count:,} "
        f"{'payment or payout' if count == 1 else 'payments and payouts'}; the largest is "
        f"{reference} ({component}): the ledger says {_plain(theirs)}, the payment or payout "
        f"{_plain(ours)} {currency.upper()}. All of them: {MARTS}.cash_differences"
    )


def _plain(amount: Decimal) -> str:
    """With two decimals, or all that it needs."""
    digits = max(2, -int(amount.normalize().as_tuple().exponent))
    return as_written(f"{amount:,.{digits}f}")


def _signed(amount: Decimal) -> str:
    return f"+{_plain(amount)}" if amount > 0 else _plain(amount)
