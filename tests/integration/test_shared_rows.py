"""Two companies of one key that have customers in common."""

from __future__ import annotations

from datetime import timedelta

from loading import TABLES, Line

from whop_elt.destination import DATASET
from whop_elt.errors import ExitCode
from whop_simulator import Business, serve

SHARED = ("users", "payment_methods")


def with_common_customers() -> tuple[Business, Business, set[str], set[str]]:
    """Two companies; the users and the payment methods that both have."""
    one, two = (Business(seed=seed, members=12, years=0.5) for seed in (1, 2))
    users, methods = set(), set()
    theirs = one.rows("members")[:5]
    for member, other in zip(two.rows("members")[:5], theirs, strict=True):
        two.put("members", {**member, "user": other["user"]})
        two.put("users", one.row("users", other["user"]["id"]))
        users.add(other["user"]["id"])
    for method in one.rows("payment_methods")[:5]:
        two.put("payment_methods", one.row("payment_methods", method["id"]))
        methods.add(method["id"])
    return one, two, users, methods


def whose(line: Line, table: str) -> dict[str, list[str]]:
    """Companies that have a row, by id."""
    found: dict[str, list[str]] = {}
    for row in line.warehouse.read(table, schema=DATASET):
        found.setdefault(row["id"], []).append(row["company_id"])
    return {key: sorted(companies) for key, companies in found.items()}


def test_what_two_companies_show_is_kept_for_both_and_read_once(empty: Line) -> None:
    one, two, users, methods = with_common_customers()
    both = sorted((one.company_id, two.company_id))
    settings = {"company_ids": both}
    with serve(one, two) as server:
        assert empty.sync(server, *TABLES, "users", **settings).code is ExitCode.OK
        for table, shared in zip(SHARED, (users, methods), strict=True):
            held = whose(empty, table)
            assert {key for key, companies in held.items() if companies == both} == shared, table
        before = {table: whose(empty, table) for table in SHARED}
        for full in (False, True, True):
            server.advance(timedelta(minutes=1))
            run = empty.sync(server, "payment_methods", "users", full=full, **settings)
            moved = [(t.rows_new, t.rows_changed, t.rows_deleted) for t in run.report.tables]
            assert moved == [(0, 0, 0)] * 4
            assert not run.asked("GET /users/{id}")
        assert {table: whose(empty, table) for table in SHARED} == before

        # By its id each is asked for before it is called gone, and Whop then says of neither whose.
        (gone, *_) = methods
        two.remove("payment_methods", gone)
        empty.sync(server, "payment_methods", full=True, **settings)
        assert deleted(empty, gone) == {one.company_id: False, two.company_id: False}
        one.remove("payment_methods", gone)
        empty.sync(server, "payment_methods", full=True, **settings)
        assert deleted(empty, gone) == {one.company_id: True, two.company_id: True}


def deleted(line: Line, key: str) -> dict[str, bool]:
    rows = line.warehouse.read("payment_methods", schema=DATASET)
    return {r["company_id"]: bool(r["_whop_deleted_at"]) for r in rows if r["id"] == key}


def test_a_warehouse_in_which_a_shared_id_had_to_be_there_once_is_taken_over(empty: Line) -> None:
    one, two, _, methods = with_common_customers()
    with serve(one, two) as server:
        empty.sync(server, "payment_methods", company_ids=[one.company_id])
        if empty.warehouse.engine == "postgres":
            for schema in (DATASET, f"{DATASET}_staging"):
                empty.warehouse.execute(f"alter table {schema}.payment_methods add unique (id)")
        both = sorted((one.company_id, two.company_id))
        run = empty.sync(server, "payment_methods", company_ids=both)
    assert run.code is ExitCode.OK
    assert methods <= {key for key, held in whose(empty, "payment_methods").items() if held == both}
