"""Situations of other people's businesses, told as raw rows with the numbers that are right.

Each is a company of its own, so that all of them fit into one dataset and one dbt run, and each
says what must come out: of the oracle, and of the models.
"""

from oracle.cases import money, plans, taken_back, trials, unpaid
from oracle.cases.story import Answer, Case, Story

__all__ = ("CASES", "Answer", "Case", "Story")

CASES: tuple[Case, ...] = (
    *plans.CASES,
    *trials.CASES,
    *unpaid.CASES,
    *taken_back.CASES,
    *money.CASES,
)
