"""The sentences of the first screen, the notes beside them, and what settings make of its look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from whop_elt.editions import Edition
from whop_elt.errors import NothingThere, SettingError
from whop_elt.figures import month_written, percent, usd, written_in
from whop_elt.report import brief_text, read_pages, render
from whop_elt.report.ahead import Outlook, outlook_of, points_left
from whop_elt.report.brand import Brand, brand
from whop_elt.report.content import make_page
from whop_elt.report.figures import HISTORY, KINDS, SO_FAR, figure
from whop_elt.report.notes import notes_of
from whop_elt.report.queries import CompanyRows
from whop_elt.report.tables import products_table, reasons_table
from whop_elt.report.words import sentences
from whop_elt.restated import Restated

NOTHING_AHEAD = Outlook([], [], [])
AS_OF = datetime(2026, 1, 15, 9, tzinfo=UTC)


def month(number: int = 12, **changes: Any) -> dict[str, Any]:
    names = {*KINDS, *HISTORY, *SO_FAR, "mrr_unpaid_usd"}
    row: dict[str, Any] = {name: Decimal(0) for name in names}
    row |= {"payments_without_usd": 0, "payments_without_fees": 0}
    row |= {"mrr_start_usd": Decimal(1000), "mrr_end_usd": Decimal(1000)}
    row |= {"customers_start": 100, "customers_lost": 5, "gross_usd": Decimal(1000)}
    row |= {"net_usd": Decimal(950), "refunded_usd": Decimal(20)}
    return row | {"month": date(2025, number, 1)} | changes


def said(now: dict[str, Any], *earlier: dict[str, Any], **ahead: Any) -> dict[str, str]:
    outlook = ahead.get("outlook", NOTHING_AHEAD)
    found = sentences(now, earlier, ahead.get("churn", []), outlook)
    return {each.about: each.plain for each in found}


def test_what_mrr_did_is_said_with_what_came_and_what_went() -> None:
    now = month(
        mrr_end_usd=Decimal(1100),
        new_usd=Decimal(200),
        churn_usd=Decimal(-90),
        contraction_usd=Decimal(-10),
    )
    assert said(now)["mrr"] == (
        "MRR grew by $100.00 (10.0%) to $1,100.00 in December 2025: $200.00 came, $100.00 went."
    )
    assert said(month(mrr_end_usd=Decimal(900)))["mrr"].startswith("MRR fell by $100.00 (10.0%)")
    assert said(month())["mrr"] == "MRR stayed at $1,000.00 in December 2025."
    first = month(mrr_start_usd=Decimal(0))
    assert said(first)["mrr"] == "MRR began: $1,000.00 at the end of December 2025."


def test_more_than_ever_takes_a_year_to_be_said() -> None:
    now = month(mrr_end_usd=Decimal(1100))
    year = [month(each) for each in range(1, 12)]
    assert "more than ever" not in said(now, *year)["mrr"]
    assert "more than ever" in said(now, month(1), *year)["mrr"]
    higher = month(1, mrr_end_usd=Decimal(1101))
    assert "more than ever" not in said(now, higher, *year)["mrr"]


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        (5, "5 of 100 customers left (5.0%), as usual (5.0%)."),
        (8, "8 of 100 customers left (8.0%), as usual (5.0%)."),
        (12, "12 of 100 customers left (12.0%), more than the usual 5.0%."),
        (0, "Nobody of 100 customers left."),
    ],
)
def test_churn_is_unusual_only_when_chance_would_not_do_it(lost: int, says: str) -> None:
    usual = [month(each) for each in range(1, 12)]
    assert said(month(customers_lost=lost), *usual)["churn"] == says


def test_without_a_few_months_nothing_is_usual() -> None:
    assert said(month(), month(11))["churn"] == "5 of 100 customers left (5.0%)."


def test_the_most_frequent_reason_of_the_month_is_named() -> None:
    churn = [
        {"month": date(2025, 12, 1), "churn_reason": "too_expensive", "customers_churned": 3},
        {"month": date(2025, 11, 1), "churn_reason": "switching", "customers_churned": 9},
    ]
    assert said(month(), churn=churn)["churn"].endswith("reason: too expensive (3).")
    silent = {"month": date(2025, 12, 1), "churn_reason": "unspecified", "customers_churned": 5}
    assert said(month(), churn=[*churn, silent])["churn"].endswith(
        "reason: too expensive (3), and 5 gave none."
    )
    assert "reason" not in said(month(), churn=[silent])["churn"]


def test_refunds_that_are_twice_the_usual_are_said_to_be() -> None:
    usual = [month(each) for each in range(1, 12)]
    assert "usual" not in said(month(refunded_usd=Decimal(40)), *usual)["revenue"]
    much = said(month(refunded_usd=Decimal(41)), *usual)["revenue"]
    assert much == (
        "$950.00 stayed of $1,000.00 paid; $41.00 went back (4.1%), more than twice the usual 2.0%."
    )


def company(**more: Any) -> CompanyRows:
    months = [month(11), month(12), month(1) | {"month": date(2026, 1, 1)}]
    empty: dict[str, Any] = {
        name: []
        for name in (
            *("freshness", "churn", "cohorts", "revenue", "plan_mrr", "products", "plans"),
            "off_pace",
        )
    }
    about = {"company_id": "biz_a", "title": "A <b>", "as_of": AS_OF}
    return CompanyRows(about, months=months, **{**empty, **more})


TODAY = date(2026, 1, 15)
AHEAD: dict[str, Any] = {
    "left": [
        {
            "months_ahead": ahead,
            "date": date(2026, 1 + ahead, 15),
            "committed_usd": Decimal(1000),
            "expected_usd": Decimal(1000 - 50 * ahead),
        }
        for ahead in range(8)
    ],
    "renewals": [
        {
            "next_renewal_date": day,
            "risk": risk,
            "renewals": 2,
            "unknown": 0,
            "amount_usd": Decimal(100),
            "expected_usd": expected,
        }
        for day, risk, expected in (
            (date(2026, 1, 10), "unpaid", Decimal(40)),
            (date(2026, 2, 14), None, Decimal(90)),
            (date(2026, 2, 15), None, Decimal(90)),
            (date(2026, 1, 20), "canceled", Decimal(0)),
        )
    ],
    "at_risk": [
        {
            "main_cause": "canceled",
            "members": 2,
            "mrr_usd": Decimal(60),
            "unpaid_usd": None,
        },
        {"main_cause": "unpaid", "members": 1, "mrr_usd": Decimal(30), "unpaid_usd": Decimal(30)},
    ],
}


def test_what_is_ahead_counts_what_is_charged_and_begins_with_what_can_be_helped() -> None:
    outlook = outlook_of(company(**AHEAD))
    month_ahead = next(due for due in outlook.due if due.days == 30)
    assert (month_ahead.renewals, month_ahead.due, month_ahead.expected, month_ahead.at_risk) == (
        "4",
        "$200.00",
        "$130.00",
        "$100.00",
    )
    words = said(month(), outlook=outlook)
    assert words["at_risk"] == (
        "3 members with $90.00 of MRR may leave now: 1 not paid, 2 canceled. Begin with those not "
        "paid. The charge failed and is tried again: ask for another card now."
    )
    assert words["renewals"].endswith("$130.00 of it should come.")
    points = points_left(outlook.left)
    assert [point["value"] for point in points[:4]] == [1000.0, 0.0, 950.0, 50.0]


def test_what_nobody_can_tell_is_not_expected_to_be_nothing() -> None:
    """A young account: no renewal was ever due, of which one could tell how many are paid."""
    young = {
        "renewals": [{**row, "expected_usd": None, "unknown": 2} for row in AHEAD["renewals"]],
        "left": [{**row, "expected_usd": None} for row in AHEAD["left"]],
    }
    outlook = outlook_of(company(**young))
    assert said(month(), outlook=outlook)["renewals"] == (
        "In the next 30 days 4 renewals are due, $200.00; how much of it comes nobody can tell, as "
        "none was due before."
    )
    assert {point["kind"] for point in points_left(outlook.left)} == {"Committed"}
    first, *others = AHEAD["renewals"]
    some = {"renewals": [{**first, "expected_usd": None, "unknown": 2}, *others]}
    words = said(month(), outlook=outlook_of(company(left=AHEAD["left"], **some)))
    assert "late, at least $" in words["renewals"]


def test_a_month_under_way_has_no_end() -> None:
    first = month(12, mrr_start_usd=Decimal(0))
    page = make_page(replace(company(), months=[first]))
    assert page.sentences[0].plain == "MRR is $1,000.00 in December 2025 so far."


def test_notes_of_others_stand_with_the_sentences_and_a_missing_mart_says_nothing() -> None:
    def missing(warehouse: Any, company_id: str) -> list[str]:
        raise NothingThere("not built")

    def moved(warehouse: Any, company_id: str) -> list[str]:
        return [f"December of {company_id} moved <by> $1."]

    notes = notes_of(None, "biz_a", (missing, moved))  # type: ignore[arg-type]
    assert notes == ["December of biz_a moved <by> $1."]
    page = make_page(company(notes=notes, **AHEAD))
    assert '<p data-sentence="note">December of biz_a moved &lt;by&gt; $1.</p>' in render([page])
    assert "• December of biz_a moved <by> $1." in brief_text([page])


def test_the_brief_edition_has_no_script_and_says_the_same() -> None:
    page = make_page(company(**AHEAD))
    brief = render([page], Edition.BRIEF)
    assert "<script" not in brief
    assert "<svg" not in brief
    assert "A &lt;b&gt;" in brief
    assert brief.count("data-sentence") == len(page.sentences) == 5
    assert len(brief) < 15_000
    text = brief_text([page])
    assert text.startswith("A <b>, December 2025\n• MRR stayed at $1,000.00")
    assert "**" not in text


def test_a_count_that_chance_alone_can_move_is_no_good_or_bad_news() -> None:
    def tone(before: int, now: int, name: str = "customers_lost") -> str:
        return figure(name, {name: now}, {name: before}).tone

    assert tone(3, 5) == "noise"
    assert tone(2, 0) == "noise", "chance does that every other time"
    assert tone(30, 60) == "bad"
    assert tone(300, 340) == "bad"
    rate = figure(
        "logo_churn_rate",
        {"logo_churn_rate": Decimal("0.05"), "customers_lost": 5},
        {"logo_churn_rate": Decimal("0.03"), "customers_lost": 3},
    )
    assert rate.tone == "noise"


def test_retention_is_news_when_more_average_customers_make_it_than_chance_loses() -> None:
    def tone(nrr: str) -> str:
        rows = {"customers_start": 470, "customers_lost": 30}
        return figure("nrr", {"nrr": Decimal(nrr), **rows}, {"nrr": Decimal("0.946"), **rows}).tone

    assert tone("0.932") == "noise"
    assert tone("0.925") == "bad"


def test_a_row_of_a_table_is_news_from_one_per_cent_of_all_rows_on() -> None:
    november, december = date(2025, 11, 1), date(2025, 12, 1)

    def paid(month: date, product: str, net: int) -> dict[str, Any]:
        amounts = dict.fromkeys(("net_usd", "gross_usd"), Decimal(net))
        return {"month": month, "product_id": product, "plan_id": None, "currency": "usd",
                "payments_count": 1, **amounts}  # fmt: skip

    rows = company(
        revenue=[
            paid(november, "prod_large", 9000),
            paid(december, "prod_large", 9200),
            paid(november, "prod_small", 50),
            paid(december, "prod_small", 100),
        ]
    )
    table = products_table(rows, (december, november))
    found = {row.names[0]: {each.name: each.tone for each in row.figures} for row in table}
    assert found["prod_large"]["net_usd"] == "good"
    assert found["prod_small"]["net_usd"] == "noise", "50 dollars of 9,300, though it is twice"


def test_what_a_reason_took_is_news_only_when_its_count_is() -> None:
    november, december = date(2025, 11, 1), date(2025, 12, 1)

    def tones(before: int, now: int) -> list[str]:
        churn = [
            {"month": month, "churn_type": "voluntary", "churn_reason": "unspecified",
             "customers_churned": number, "mrr_churned_usd": Decimal(-100 * number)}
            for month, number in ((november, before), (december, now))
        ]  # fmt: skip
        (row,) = reasons_table(churn, (december, november), {november, december})
        assert row.names == ("No reason given", "Canceled")
        return [each.tone for each in row.figures[:2]]

    assert tones(5, 8) == ["noise", "noise"]
    assert tones(5, 20) == ["bad", "bad"]


# ---------------------------------------------------------------------- months


def test_closed_months_that_moved_stand_with_their_causes() -> None:
    moved = Restated(
        date(2025, 12, 1), "mrr_end_usd", AS_OF, Decimal("30538.77"), Decimal("30281.54"),
        (("refund", Decimal("-300"), "mem_1"), ("late_payment", Decimal("42.77"), "mem_2")),
    )  # fmt: skip
    page = make_page(company(moved=[moved], **AHEAD))
    html = render([page])
    assert 'href="#biz_a-moved"' in html
    assert "refunded −$300.00 (mem_1); paid late +$42.77 (mem_2)" in html  # noqa: RUF001
    assert "<td>$30,538.77</td><td>$30,281.54</td><td>−$257.23</td>" in html  # noqa: RUF001
    assert "whop-elt explain mrr_end_usd 2025-12 --restated" in html
    assert '<table data-table="moved"' not in render([make_page(company(**AHEAD))])


# ---------------------------------------------------------------------- looks


def test_numbers_and_months_are_written_as_the_language_does() -> None:
    with written_in("de"):
        assert usd(Decimal("-1234.5")) == "−$1.234,50"  # noqa: RUF001
        assert percent(Decimal("0.0545")) == "5,5%"
        assert month_written(date(2025, 12, 1)) == "Dezember 2025"
    assert usd(Decimal("1234.5")) == "$1,234.50"
    german = render([make_page(company(**AHEAD))], look=Brand(language="de"))
    assert '<html lang="de">' in german


def test_what_other_parts_say_is_in_the_language_too(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = Restated(date(2025, 12, 1), "mrr_end_usd", AS_OF, Decimal(1200), Decimal(1000), ())
    monkeypatch.setenv("REPORT__LANGUAGE", "de")
    monkeypatch.setattr("whop_elt.report.read", lambda _: [company(notes=[moved.sentence])])
    (page,) = read_pages(None)  # type: ignore[arg-type]
    assert page.notes == [
        "MRR of Dezember 2025 was $1.200,00 and is $1.000,00 now (−$200,00)."  # noqa: RUF001
    ]


def test_a_name_a_logo_and_a_colour_stand_on_the_page() -> None:
    look = Brand(name="Söhne & Co", logo="data:image/png;base64,AA==", colour="#8a1f5c")
    for edition in Edition:
        page = render([make_page(company())], edition, look)
        assert "Söhne &amp; Co" in page
        assert '<img src="data:image/png;base64,AA=="' in page
        assert "#8a1f5c" in page


def test_settings_make_the_brand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert brand() == Brand()
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    for name, value in (
        ("NAME", "Mine & Co"),
        ("LOGO", "logo.png"),
        ("COLOUR", "#2458C9"),
        ("LANGUAGE", "pt-BR"),
    ):
        monkeypatch.setenv(f"REPORT__{name}", value)
    assert brand() == Brand("Mine & Co", "data:image/png;base64,iVBORw==", "#2458c9", "pt_BR")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("COLOUR", "red", "must look like #2458c9"),
        ("COLOUR", "#ffff00", "cannot be read on white"),
        ("COLOUR", "#123456; } body { display: none", "must look like"),
        ("LOGO", "missing.png", "cannot be read"),
        ("LOGO", "logo.exe", "must be a .png"),
        ("LANGUAGE", "klingon", "must be a language"),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"REPORT__{name}", value)
    with pytest.raises(SettingError, match=f"REPORT__{name}.*{says}"):
        brand()
