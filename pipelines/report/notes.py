"""Sentences of other parts of whop-elt that belong on the first screen: one line adds one.

What moved in a closed month since the last run, what of the bank's amounts is not explained: who
knows that has a function of the warehouse and a company that says it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import NothingThere
from ..reading import Warehouse
from ..restated import restatement_sentences

Note = Callable[[Warehouse, str], Sequence[str]]
"""Of a warehouse and a company's id: sentences, none when there is nothing to say."""

NOTES: tuple[Note, ...] = (restatement_sentences,)
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
