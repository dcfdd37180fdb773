"""The charts of the report: round scales, shapes as large as their values, and hostile titles."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from whop_elt.report import render
from whop_elt.report.charts.lettering import ELLIPSIS, shorten, width
from whop_elt.report.charts.scale import LEAST, Form, dollars, number, ticks
from whop_elt.report.content import make_page
from whop_elt.report.figures import HISTORY, KINDS, SO_FAR
from whop_elt.report.queries import CompanyRows
from whop_elt.titles import printable

HOSTILE = {
    "C0": "".join(map(chr, range(0x20))) + "Club",
    "C1": "Club" + "".join(map(chr, range(0x7F, 0xA0))),
    "pasted from slides": "Gold\x0bClub",
    "escape sequence": "\x1b[31mRed\x1b[0m",
    "no character": "Club \ufffe\uffff\ufdd0\U0010ffff",
    "half a pair": "Club \ud83d",
    "the other half": "\udc00 Club",
    "markup of Rich": "[/x] [old] Club",
    "end of the picture": "</svg></text>]]></title><script>alert(1)</script>",
    "an attribute": '" onload="alert(1)',
    "an entity": "&lt;b&gt; &amp; &#0;",
    "a template": "{{ 7 * 7 }} {% raw %}",
    "right to left": "מועדון הזהב \N{ARABIC LETTER AIN}\N{ARABIC LETTER REH}",
    "override": "\N{RIGHT-TO-LEFT OVERRIDE}bulC",
    "one long word": "Donaudampfschifffahrtsgesellschaft" * 20,
    "many accents": "a" + "\N{COMBINING ACUTE ACCENT}" * 300,
    "a picture of several": "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    * 40,
    "nothing": " \t\n",
}


def company(title: str, products: dict[str, str], **values: Any) -> CompanyRows:
    """Three months of a company, in which each product brought a little less than the one before.

    Args:
        title: of the company.
        products: titles, by id.
        values: columns of each month.
    """
    months = [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)]
    names = {*KINDS, *HISTORY, *SO_FAR, "payments_without_usd", "payments_without_fees"}
    names |= {"mrr_unpaid_usd"}
    figures = {name: Decimal(1) for name in names} | {"trials_started": 3, "at_risk_usd": 3}
    return CompanyRows(
        company={"company_id": "biz_a", "title": title, "as_of": datetime(2026, 1, 9, tzinfo=UTC)},
        freshness=[],
        off_pace=[],
        months=[{**figures, **values, "month": month} for month in months],
        churn=[
            {
                "month": month,
                "churn_type": "voluntary",
                "churn_reason": title,
                "customers_churned": 1,
                "mrr_churned_usd": Decimal(-9),
            }
            for month in months
        ],
        cohorts=[
            {
                "cohort_month": month,
                "months_since": since,
                "customers_in_cohort": 4,
                "customers_retained": 4 - since,
                "retention_rate": Decimal(4 - since) / 4,
            }
            for place, month in enumerate(months)
            for since in range(3 - place)
        ],
        revenue=[
            {
                "month": month,
                "product_id": product_id,
                "plan_id": f"plan_{product_id}",
                "currency": "usd",
                "gross_usd": Decimal(100 - place),
                "net_usd": Decimal(90 - place),
                "payments_count": 1,
            }
            for month in months
            for place, product_id in enumerate(products)
        ],
        plan_mrr=[],
        products=[{"product_id": key, "title": name} for key, name in products.items()],
        plans=[],
    )


def charts(html: str, name: str | None = None) -> list[ElementTree.Element]:
    """The pictures of a page, or of one chart, wide and narrow. XML: what is open is not one."""
    if name is not None:
        (html,) = re.findall(rf'data-chart="{name}".*?</figure>', html, re.DOTALL)
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def said(chart: ElementTree.Element) -> list[str]:
    return [title.text or "" for title in chart.iter("title")]


def allowed(text: str) -> str:
    """A text without what XML and HTML forbid or discourage; line breaks of slides are blanks."""
    kept = []
    for character in text:
        code, category = ord(character), unicodedata.category(character)
        if character in "\x0b\x0c\x85":
            kept.append(" ")
        elif character in "\t\n\r" or not (
            category in {"Cc", "Cs"} or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
        ):
            kept.append(character)
    return "".join(kept)


@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_title_is_a_name_among_others(title: str) -> None:
    html = render([make_page(company(title, {"prod_a": title, "prod_b": "Club"}))])
    assert allowed(html) == html
    html.encode("utf-8")
    # The page's own, and what it has to choose from.
    assert html.lower().count("<script") == 2
    name = allowed(title) if title.strip() else "prod_a"
    assert f'<bdi class="name">{escape(name)}</bdi>' in html
    drawn = charts(html)
    assert len(drawn) == 20
    for chart in drawn:
        known = {"svg", "desc", "title", "rect", "path", "circle", "text"}
        assert {each.tag for each in chart.iter()} <= known
        assert not any(name.startswith("on") for each in chart.iter() for name in each.attrib)
    for chart in charts(html, "products"):
        # An XML reader takes every line end for a line feed.
        assert said(chart) == [f"{name}: $180.00".replace("\r", "\n"), "Club: $178.00"]


def test_a_title_of_which_nothing_shows_gives_way_to_the_id() -> None:
    html = render([make_page(company("\x1b\u200b", {"prod_a": "\x00 \ufffe"}))])
    assert "<h1><bdi>biz_a</bdi></h1>" in html
    assert said(charts(html, "products")[0]) == ["prod_a: $180.00"]


# ---------------------------------------------------------------------- names


@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("room", [120, 240])
def test_a_name_is_one_line_that_has_room(title: str, room: int) -> None:
    name = shorten(printable(title), room)
    assert width(name) <= room
    assert not set(name) & set("\t\n\r")
    if name.endswith(ELLIPSIS):
        assert " ".join(printable(title).split()).startswith(name.removesuffix(ELLIPSIS))


def test_accents_are_not_piled_up_over_the_names_above() -> None:
    assert shorten("Cafe\N{COMBINING ACUTE ACCENT} " + HOSTILE["many accents"], 240) == (
        "Cafe\N{COMBINING ACUTE ACCENT} a" + "\N{COMBINING ACUTE ACCENT}" * 3
    )


def test_a_name_is_not_cut_between_a_letter_and_its_accent() -> None:
    accented = "e\N{COMBINING ACUTE ACCENT}"
    for room in range(20, 200):
        name = shorten(accented * 40, room).removesuffix(ELLIPSIS)
        assert name == accented * (len(name) // 2)


# ---------------------------------------------------------------------- the scale


@pytest.mark.parametrize(
    ("values", "form", "written"),
    [
        ([30_500], dollars, ["$0", "$5k", "$10k", "$15k", "$20k", "$25k", "$30k", "$35k"]),
        ([3_900, -3_700], dollars, ["−$4k", "−$2k", "$0", "$2k", "$4k"]),  # noqa: RUF001
        ([1_100], dollars, ["$0", "$200", "$400", "$600", "$800", "$1,000", "$1,200"]),
        ([1_100_000], dollars, ["$0", "$200k", "$400k", "$600k", "$800k", "$1,000k", "$1,200k"]),
        ([2_400_000], dollars, ["$0", "$0.5M", "$1M", "$1.5M", "$2M", "$2.5M"]),
        ([2.1], dollars, ["$0.00", "$0.50", "$1.00", "$1.50", "$2.00", "$2.50"]),
        ([2], number, ["0", "1", "2"]),
        ([51], number, ["0", "10", "20", "30", "40", "50", "60"]),
        ([-3], number, ["−3", "−2", "−1", "0"]),  # noqa: RUF001
        ([7_000], number, ["0", "1k", "2k", "3k", "4k", "5k", "6k", "7k"]),
    ],
)
def test_the_scale_has_round_numbers_and_their_sign(
    values: list[float], form: Form, written: list[str]
) -> None:
    steps = ticks(values, 5, LEAST[form])
    assert [form(tick, steps[1] - steps[0]) for tick in steps] == written


AMOUNTS = st.one_of(st.floats(-1e13, 1e13), st.floats(-10, 10), st.floats(-1e-3, 1e-3)).map(
    lambda amount: round(amount, 9)  # The marts have no more decimals.
)


@given(st.lists(AMOUNTS, min_size=1, max_size=40), st.sampled_from([number, dollars]))
def test_every_value_is_within_the_scale(values: list[float], form: Form) -> None:
    steps = ticks(values, 5, LEAST[form])
    assert Decimal(0) in steps
    assert float(steps[0]) <= min(values)
    assert float(steps[-1]) >= max(values)
    assert 2 <= len(steps) <= 12
    between = {later - former for former, later in pairwise(steps)}
    assert len(between) == 1
    assert len({form(tick, *between) for tick in steps}) == len(steps)


# ---------------------------------------------------------------------- the shapes


def rectangles(chart: ElementTree.Element) -> dict[str, dict[str, float]]:
    """Place and size of each bar, by what it says."""
    return {
        each.find("title").text: {  # type: ignore[union-attr, misc]
            name: float(each.attrib[name]) for name in ("x", "y", "width", "height")
        }
        for each in chart.iter("rect")
    }


def test_a_column_is_as_high_as_its_value() -> None:
    page = make_page(
        company("A", {"a": "A"}, new_usd=Decimal(30), expansion_usd=Decimal(10), churn_usd=-20)
    )
    for chart in charts(render([page]), "movements"):
        bars = rectangles(chart)
        new, expansion = (
            bars[f"December 2025, {each}"] for each in ("New: $30.00", "Expansion: $10.00")
        )
        churn = bars["December 2025, Churn: −$20.00"]  # noqa: RUF001
        assert new["height"] == pytest.approx(3 * expansion["height"], abs=0.4)
        assert churn["height"] == pytest.approx(2 * expansion["height"], abs=0.4)
        # What is gained is piled up from 0, what is lost hangs from it.
        assert churn["y"] == pytest.approx(new["y"] + new["height"], abs=0.2)
        assert expansion["y"] < new["y"]
        assert {each["x"] for each in (new, expansion, churn)} == {new["x"]}


def test_the_month_under_way_is_paler() -> None:
    for chart in charts(render([make_page(company("A", {"a": "A"}))]), "movements"):
        for bar in chart.iter("rect"):
            (says,) = said(bar)
            assert ("pale" in bar.attrib["class"].split()) is ("January 2026 so far" in says)


def test_a_bar_below_zero_goes_to_the_left_and_says_its_sign() -> None:
    rows = company("A", {"a": "Earns", "b": "Costs"})
    for row in rows.revenue:
        if row["product_id"] == "b":
            row["net_usd"] = Decimal(-30)
    for chart in charts(render([make_page(rows)]), "products"):
        earns, costs = (rectangles(chart)[each] for each in ("Earns: $180.00", "Costs: −$60.00"))  # noqa: RUF001
        assert earns["width"] == pytest.approx(3 * costs["width"], abs=0.4)
        assert costs["x"] + costs["width"] == pytest.approx(earns["x"], abs=0.2)
        assert "−$60.00" in [label.text for label in chart.iter("text")]  # noqa: RUF001


def test_a_kind_of_churn_that_nobody_knew_of_is_drawn_and_named() -> None:
    rows = company("A", {"a": "A"})
    rows.churn[0]["churn_type"] = "abducted"
    html = render([make_page(rows)])
    for name in ("churn_types", "reasons"):
        assert any("abducted" in each for each in said(charts(html, name)[0]))
    assert '<i class="quiet"></i>abducted' in html


def test_each_chart_says_what_it_shows_to_who_cannot_see_it() -> None:
    html = render([make_page(company("A", {"a": "A"}))])
    for chart in charts(html):
        assert chart.attrib["role"] == "img"
        assert chart.attrib["aria-label"]
        (summary,) = chart.iter("desc")
        assert (summary.text or "").endswith(".")
    (summary,) = charts(html, "customers")[0].iter("desc")
    assert summary.text == (
        "By month, November 2025 to January 2026. December 2025: New 1, Came back 1, Churned −1."  # noqa: RUF001
    )
