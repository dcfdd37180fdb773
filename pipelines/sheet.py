"""Writes rows as CSV: for spreadsheets, and for programs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_FORMULA = re.compile(r"\s*[=@]|\s*[+-](?![\d\s().-]*$)|[\t\r\n]")
"""How a text begins that a spreadsheet would run. A phone's number is none."""


def as_csv(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Rows as CSV (RFC 4180) in UTF-8, amounts with all their digits, moments in UTC.

    Members choose their names themselves: a text that a spreadsheet would run as a formula has an
    apostrophe before it, as OWASP advises (owasp.org/www-community/attacks/CSV_Injection).
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    # Half of a surrogate pair is no character.
    return text.getvalue().encode(errors="replace")


def plain(value: Any) -> str:
    """A value as text: moments in UTC, amounts without zeros that say nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case _:
            return str(value)


def _cell(value: Any) -> str:
    text = plain(value)
    return f"'{text}" if isinstance(value, str) and _FORMULA.match(text) else text
