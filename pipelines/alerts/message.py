"""What is sent: enough to know what is wrong, since when, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from .incident import Incident, Kind

_MOST_LINES = 20
_MOST_TEXT = 600

_HEADINGS: dict[Kind, str] = {
    "failed": "failed",
    "forbidden": "loaded, but not all of it: the API key lacks a permission",
    "not_available": "loaded, but not all of it: Whop does not have a list",
    "unreadable": "loaded, but values that the numbers are made of cannot be read",
    "stale": "data is older than it may be",
    "restated": "a closed month is not what it was",
    "test": "the models are built, but a test of theirs found what must not be",
}
_ADVICE: dict[Kind, str] = {
    "failed": "What is in the warehouse is as the last good run left it, and the next run goes on "
    "from there. `whop-elt check` names a setting to change, `whop-elt run` tries again now.",
    "forbidden": "Give the key the permission in Whop's dashboard, under Developer, or leave the "
    "table out with SOURCES__WHOP__TABLES. `whop-elt check` says what is missing.",
    "not_available": "That does not mend by itself: leave the table out with "
    "SOURCES__WHOP__TABLES, or ask Whop for it. What was loaded of it before stays.",
    "unreadable": "The rows are there without these values, which are in _whop_extra; every number "
    "made of them lacks them. Correct them at Whop, or tell whoever keeps whop-elt what they look "
    "like.",
    "stale": "Does the schedule still run? `whop-elt status` shows the last runs, `whop-elt run` "
    "brings the data up to date.",
    "restated": "`whop-elt explain NUMBER MONTH --restated` names the memberships and payments "
    "because of which. Tell whoever has the old number.",
    "test": "Do not trust the numbers before you have looked. `whop-elt transform` builds and "
    "tests again; .whop-elt/dbt/target has each test's SQL.",
}


def message(
    new: Sequence[Incident],
    over: Sequence[Incident],
    last_good: Mapping[str, datetime],
    ending: str,
) -> str:
    """Return the text of a message.

    Args:
        new: what is wrong since this run.
        over: what is not wrong any more.
        last_good: when a table was last read to its end, by subject; UTC.
        ending: the last line: who says so.
    """
    lines: list[str] = []
    for kind in _HEADINGS:
        several = [each for each in new if each.kind == kind]
        if several:
            told = _lines(several, lambda each: _told(each, last_good.get(each.subject)))
            lines += [f"whop-elt: {_HEADINGS[kind]}", *told, _ADVICE[kind], ""]
    if over:
        lines += ["whop-elt: over", *_lines(over, _ended), ""]
    return "\n".join([*lines, ending])


def _lines(incidents: Sequence[Incident], form: Callable[[Incident], str]) -> list[str]:
    lines = [form(each) for each in incidents[:_MOST_LINES]]
    more = len(incidents) - len(lines)
    return [*lines, *([f"• and {more} more"] if more > 0 else [])]


def _told(incident: Incident, good_at: datetime | None) -> str:
    text = incident.text
    if len(text) > _MOST_TEXT:
        text = f"{text[:_MOST_TEXT]}…"
    since = f"since {_utc(incident.since)}"
    if good_at is not None and incident.kind != "stale":
        since = f"last good {_utc(good_at)}"
    return f"• {incident.subject} ({since}): {text}"


def _ended(incident: Incident) -> str:
    lasted = timedelta(minutes=(datetime.now(UTC) - incident.since) // timedelta(minutes=1))
    heading = _HEADINGS[incident.kind].split(":")[0]
    return f"• {incident.subject}: {heading}, for {str(lasted)[:-3]} hours"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
