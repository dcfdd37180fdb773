"""Writes the report: one HTML file with everything in it, made from the marts alone.

It is opened from an e-mail, so it has no script, asks the network for nothing, and its charts are
drawn before it is sent (`charts` says why so). What is in it comes from columns without personal
data: totals, and the names of companies, products and plans.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from ..errors import SettingError
from ..figures import NOTHING
from ..process import usual_mask
from ..reading import Warehouse
from ..titles import printable
from .charts import draw
from .charts.drawing import pixels
from .content import Page, make_page
from .figures import HISTORY, KINDS
from .queries import read


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
    found = read(destination)
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


def write_pages(pages: Sequence[Page], path: Path) -> Path:
    """Draw these pages into one file, and return where it is.

    Raises:
        SettingError: the file cannot be written.
    """
    _replace(path, render(pages))
    return path.resolve()


def render(pages: Sequence[Page]) -> str:
    """Return the HTML file of these companies' pages."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__name__, "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pixels"] = pixels
    page = environment.get_template("page.html.j2").render(
        pages=pages,
        css=Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8")),
        draw=draw,
        history=[(name, KINDS[name].label) for name in HISTORY],
        nothing=NOTHING,
    )
    # All of it: a name can be hostile wherever it comes from.
    return printable(page)


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: whoever opens it meanwhile has the one before."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
        ) as file:
            temporary = Path(file.name)
            try:
                file.write(text)
                # A temporary file is its owner's alone; this one is made to be handed on.
                temporary.chmod(0o666 & ~usual_mask())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise SettingError(
            f"The report cannot be written to {path}: {error.strerror or error}. "
            "Set WHOP_ELT_REPORT to a file that can be"
        ) from error
