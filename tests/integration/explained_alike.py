"""Two readers that explain numbers of the newest month: whether they say the same."""

from __future__ import annotations

from whop_elt.explain import explain_in, raw_rows
from whop_elt.names import MARTS
from whop_elt.reading import Reader

METRICS = ("mrr", "churn", "gross")


def explains_alike(one: Reader, other: Reader) -> None:
    """Compare three numbers with all their rows, and of the last one the raw rows."""
    (month,) = one.query(f"select max(month) from {MARTS}.metrics_monthly")[1][0]
    for metric in METRICS:
        found, wanted = (explain_in(each, metric, f"{month:%Y-%m}") for each in (one, other))
        assert found == wanted
    raw, theirs = raw_rows(one, found), raw_rows(other, wanted)
    assert raw == theirs
    assert len(raw[1]) > 5
