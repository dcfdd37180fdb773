"""Writes the report: one HTML file with everything in it, made from the marts alone.

It is opened from an e-mail, so it asks the network for nothing, and its charts are drawn before it
is sent (`charts` says why so). Its one script, ours, lets one choose months and segments; where it
is not run, all else is there. What is in it comes from columns without personal data: totals, and
the names of companies, products and plans. The brief edition is one page, made for mail programs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from ..editions import Edition
from ..errors import SettingError, of_room
from ..figures import NOTHING, written_in
from ..process import usual_mask
from ..reading import Warehouse
from ..titles import printable
from ..whole_file import write_whole
from .brand import Brand, brand
from .charts import draw
from .charts.drawing import pixels
from .content import Page, make_page
from .figures import HISTORY, KINDS
from .queries import CompanyRows, read

FORECAST_ERROR = (
    "On simulated businesses that was 3 % too many renewals and 7 to 10 % too many dollars; a real "
    "business can be further off."
)
"""What is known of how good the expectations are."""

SECTIONS = (
    ("ahead", "What is ahead"),
    ("mrr", "MRR"),
    ("customers", "Customers"),
    ("churn", "Churn"),
    ("retention", "Retention"),
    ("revenue", "Revenue"),
    ("failed", "Failed payments"),
    ("trials", "Trials"),
    ("products", "Products and plans"),
    ("moved", "Months that moved"),
    ("closer", "Look closer"),
    ("history", "Month by month"),
)
"""Sections that the page can be moved to."""


def write_report(destination: Warehouse, path: Path, companies: Sequence[str] = ()) -> Path:
    """Write the report of these companies, or of all; an older one is replaced as a whole.

    Returns:
        Where it is.

    Raises:
        NothingThere: the marts are not built.
        SettingError: a company is not in the warehouse, or the file cannot be written.
    """
    return write_pages(read_pages(destination, companies), path)


def read_pages(destination: Warehouse, companies: Sequence[str] = ()) -> list[Page]:
    """Ask the warehouse for what these companies' pages say; it can be closed then.

    Raises:
        NothingThere: the marts are not built.
        SettingError: a company is not in the warehouse.
    """
    with written_in(brand().language):
        return _pages(read(destination), destination, companies)


def _pages(
    found: Sequence[CompanyRows], destination: Warehouse, companies: Sequence[str]
) -> list[Page]:
    known = {rows.company["company_id"] for rows in found}
    unknown = [company for company in companies if company not in known]
    if unknown:
        raise SettingError(
            f"No company {', '.join(unknown)} in {destination.location}; there are: "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    return [
        make_page(rows)
        for rows in found
        if not companies or rows.company["company_id"] in companies
    ]


def write_pages(pages: Sequence[Page], path: Path, edition: Edition = Edition.FULL) -> Path:
    """Draw these pages into one file, and return where it is.

    Raises:
        SettingError: the file cannot be written, or a setting of how it looks is wrong.
    """
    _replace(path, render(pages, edition, brand()))
    return path.resolve()


def render(
    pages: Sequence[Page], edition: Edition = Edition.FULL, look: Brand | None = None
) -> str:
    """Return the HTML file of these companies' pages."""
    look = look or Brand()
    with written_in(look.language):
        return _rendered(pages, edition, look)


def brief_text(pages: Sequence[Page]) -> str:
    """The brief edition as text, for a message."""
    lines: list[str] = []
    for page in pages:
        lines.append(f"{page.title}, {page.period}" if page.period else page.title)
        lines += [f"• {sentence.plain}" for sentence in page.sentences]
        lines += [f"• {note}" for note in page.notes]
        lines += [f"• Not read by the last run: {each}" for each in page.not_read]
        if page.is_empty:
            lines.append("Nothing to report yet.")
        lines += [f"Data as of {page.as_of}", ""]
    return printable("\n".join(lines).strip())


def _rendered(pages: Sequence[Page], edition: Edition, look: Brand) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__name__, "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pixels"] = pixels
    script = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
    name = "brief.html.j2" if edition is Edition.BRIEF else "page.html.j2"
    page = environment.get_template(name).render(
        pages=pages,
        brand=look,
        sections=SECTIONS,
        forecast_error=FORECAST_ERROR,
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        css=Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8")),
        draw=draw,
        history=[(name, KINDS[name].label) for name in HISTORY],
        nothing=NOTHING,
    )
    # All of it: a name can be hostile wherever it comes from.
    return printable(page)


def _replace(path: Path, text: str) -> None:
    """Write the page, which, unlike other files of a run, is made to be handed on."""
    try:
        write_whole(path, text.encode(), 0o666 & ~usual_mask())
    except OSError as error:
        raise of_room(error, path) or SettingError(
            f"The report cannot be written to {path}: {error.strerror or error}. "
            "Set WHOP_ELT_REPORT to a file that can be"
        ) from error
