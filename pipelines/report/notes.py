"""Sentences of other parts of whop-elt that belong on the first screen: one line adds one.

What moved in a closed month since the last run, what of the bank's amounts is not explained: who
knows that has a function of the warehouse and a company that says it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..bank import told_cash
from ..beside_whop import told_beside_whop
from ..errors import NothingThere
from ..reading import Warehouse
from ..restated import restatement_sentences

Note = Callable[[Warehouse, str], Sequence[str]]
"""Of a warehouse and a company's id: sentences, none when there is nothing to say."""


def _sentence(tell: Callable[[Warehouse, str], str | None]) -> Note:
    """A note of one sentence, where there is one."""

    def note(warehouse: Warehouse, company_id: str) -> list[str]:
        said = tell(warehouse, company_id)
        return [f"{said}."] if said else []

    return note


NOTES: tuple[Note, ...] = (
    restatement_sentences,
    _sentence(told_cash),
    _sentence(told_beside_whop),
)
"""All of them, in the order in which they stand."""


def notes_of(warehouse: Warehouse, company_id: str, notes: Sequence[Note] = NOTES) -> list[str]:
    """The sentences of all notes; a mart that is not built says nothing."""
    found: list[str] = []
    for note in notes:
        try:
            found += note(warehouse, company_id)
        except NothingThere:
            continue
    return found
