"""Alerts over real HTTP: what is told, once, and that telling stops nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import duckdb
import psycopg2
import pytest
from test_cli import CLOSED, NO_POSTGRES, Shell, business

from whop_elt.alerts import store, watch
from whop_elt.alerts import webhook as webhooks
from whop_elt.destination import DATASET, Destination
from whop_elt.errors import DataTestFailed, PipelineError
from whop_simulator import ALL_PERMISSIONS, Business, Fault, Server, serve

TABLES = ("--tables", "apps", "--tables", "members")
HOOK = "s3cret-hook-7f"


@dataclass
class Webhook:
    """A URL that takes Slack's JSON."""

    url: str = ""
    texts: list[str] = field(default_factory=list)
    status: int = 200
    hold: Event | None = None
    """While it is not set, no answer comes to its end."""
    dribbles: bool = False

    def new(self) -> list[str]:
        """What came in since this was last asked."""
        found, self.texts[:] = list(self.texts), []
        return found


@contextmanager
def webhook() -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["Content-Type"] == "application/json"
            if hook.hold and hook.dribbles:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                for _ in range(300):
                    if hook.hold.wait(0.1):
                        return
                    self.wfile.write(b"x")
            elif hook.hold:
                hook.hold.wait(30)
            assert list(body) == ["text"]
            if hook.status == 200:
                hook.texts.append(body["text"])
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        hook.url = f"http://127.0.0.1:{http.server_port}/services/{HOOK}"
        yield hook
        http.shutdown()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[PipelineError]]:
    """dbt's place is taken: it ends with the error that is put in; `make test` has it elsewhere.

    Where no models are, there is no report to make of them either.
    """
    errors: list[PipelineError] = []

    def build(destination: Destination, **_: object) -> int:
        if errors:
            raise errors[0]
        return 218

    monkeypatch.setattr("whop_elt.run.transform", build)
    monkeypatch.setattr("whop_elt.run.report_to", lambda *_: None)
    return errors  # type: ignore[return-value]


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(business()) as running:
        yield running


@pytest.fixture
def shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: Server,
    hook: Webhook,
    models: list[PipelineError],
) -> Iterator[Shell]:
    line = Shell(tmp_path, monkeypatch, capsys)
    line.point_at(server)
    line.environment["ALERTS__URLS"] = hook.url
    sent: list[str] = []
    yield line
    for secret in (HOOK, server.api_key, "s3cret-pw"):
        assert secret not in line.everything_said
        assert secret not in "".join(sent + hook.texts)


def run(shell: Shell, *arguments: str, **environment: str) -> int:
    return int(shell("run", "--quiet", *(arguments or TABLES), **environment).code)


def test_all_is_well_and_nothing_is_said(shell: Shell, hook: Webhook) -> None:
    assert run(shell) == 0
    assert hook.new() == []
    with duckdb.connect(str(shell.folder / "whop.duckdb")) as held:
        tables = held.sql("select table_name from information_schema.tables").fetchall()
    assert (store.TABLE,) not in tables


def test_a_table_that_fails_is_told_once_and_once_when_it_is_over(
    shell: Shell, hook: Webhook, server: Server
) -> None:
    assert run(shell) == 0
    server.faults.add("GET /members", Fault("status", status=503))
    assert run(shell) == 2
    (text,) = hook.new()
    company = server.businesses[0].company_id
    for part in (
        "failed",
        f"{company} members",
        "GET /members",
        "503",
        "last good 20",
        "UTC",
        "whop-elt run",
        "Run ",
        "whop.duckdb",
    ):
        assert part in text, part
    assert "apps" not in text
    assert run(shell) == 2
    assert hook.new() == [], "it is the same incident"

    server.faults.clear()
    assert run(shell) == 0
    (over,) = hook.new()
    assert "over" in over.splitlines()[0]
    assert f"{company} members" in over
    assert run(shell) == 0
    assert hook.new() == []

    server.faults.add("GET /members", Fault("status", status=503))
    assert run(shell) == 2
    assert len(hook.new()) == 1, "another incident"


def test_a_second_table_that_fails_is_told_alone(
    shell: Shell, hook: Webhook, server: Server
) -> None:
    server.faults.add("GET /members", Fault("status", status=503))
    run(shell)
    hook.new()
    server.faults.add("GET /apps", Fault("status", status=503))
    run(shell)
    (text,) = hook.new()
    assert " apps" in text
    assert " members" not in text


def test_a_value_the_numbers_lack_is_told_until_it_can_be_read(
    shell: Shell, hook: Webhook, server: Server
) -> None:
    company = server.businesses[0]
    plan = company.rows("plans")[0]
    company.put("plans", {**plan, "renewal_price": "much"})
    assert run(shell, "--tables", "plans") == 3
    (text,) = hook.new()
    assert "cannot be read" in text
    assert f"{company.company_id} plans" in text
    assert "renewal_price (1)" in text
    assert run(shell, "--tables", "plans") == 3
    assert hook.new() == [], "it is the same incident"
    company.put("plans", plan)
    assert run(shell, "--tables", "plans") == 0
    (over,) = hook.new()
    assert "over" in over.splitlines()[0]


def test_a_list_that_is_not_there_is_told_with_what_to_do(
    shell: Shell, hook: Webhook, server: Server
) -> None:
    server.faults.add("GET /apps", Fault("status", status=404))
    assert run(shell) == 3
    (text,) = hook.new()
    assert "Whop does not have a list" in text
    assert "without apps" in text
    assert shell("check").code == 3
    assert run(shell) == 3
    assert hook.new() == []


def test_a_partial_load_is_told_with_the_permission(
    shell: Shell, hook: Webhook, server: Server
) -> None:
    tables = ("--tables", "promo_codes", "--tables", "members")
    with serve(business(), permissions=ALL_PERMISSIONS - {"promo_code:basic:read"}) as refusing:
        shell.point_at(refusing)
        assert run(shell, *tables) == 3
        (text,) = hook.new()
        assert "promo_codes" in text
        assert "promo_code:basic:read" in text
        assert "whop-elt check" in text
        assert run(shell, *tables) == 3
        assert hook.new() == []
    shell.point_at(server)
    assert run(shell, *tables) == 0
    (over,) = hook.new()
    assert "over" in over
    assert "promo_codes" in over


def test_failed_tests_of_the_models_are_told_each_once(
    shell: Shell, hook: Webhook, models: list[PipelineError]
) -> None:
    models[:] = [DataTestFailed("The models are built, but tests failed: a, b.", ["a", "b"])]
    assert run(shell) == 5
    (text,) = hook.new()
    assert "• a (since" in text
    assert "• b (since" in text
    assert "whop-elt transform" in text
    models[:] = [DataTestFailed("The models are built, but tests failed: b.", ["b"])]
    assert run(shell) == 5
    (text,) = hook.new()
    assert "• a: " in text
    assert "• b" not in text
    models.clear()
    assert run(shell) == 0
    (over,) = hook.new()
    assert "• b: " in over


def test_models_that_cannot_be_built_are_told(
    shell: Shell, hook: Webhook, models: list[PipelineError]
) -> None:
    models[:] = [PipelineError("dbt could not build fct_payments: <no> such column & so on")]
    assert run(shell) == 2
    (text,) = hook.new()
    assert "• models" in text
    # The way Slack wants them: as they are, they could be its own markup.
    assert "&lt;no&gt; such column &amp; so on" in text
    models.clear()
    assert run(shell) == 0
    assert "• models" in hook.new()[0]


def test_a_report_that_cannot_be_made_is_told_and_over_when_it_is(
    shell: Shell, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PipelineError("no room for the report")

    monkeypatch.setattr("whop_elt.run.report_to", fail)
    assert run(shell) == 2
    (text,) = hook.new()
    assert "• report" in text
    assert "no room for the report" in text
    monkeypatch.setattr("whop_elt.run.report_to", lambda *_: None)
    assert run(shell) == 0
    (text,) = hook.new()
    assert "report" in text
    assert "no room" not in text


def test_an_age_that_is_no_number_is_named_and_stops_nothing(shell: Shell, hook: Webhook) -> None:
    assert run(shell, ALERTS__MAX_AGE_HOURS="a day") == 0
    assert "ALERTS__MAX_AGE_HOURS is 'a day'" in shell.everything_said
    assert hook.new() == []


def test_a_wrong_setting_is_told_and_over_when_it_is_right(shell: Shell, hook: Webhook) -> None:
    assert run(shell, *TABLES, SOURCES__WHOP__API_KEY="wrong-key-9d1") == 1
    (text,) = hook.new()
    assert "SOURCES__WHOP__API_KEY" in text
    assert "wrong-key-9d1" not in text
    assert run(shell, *TABLES, SOURCES__WHOP__BASE_URL=CLOSED) == 2
    assert hook.new() == [], "the company could not be read before, nor can it now"
    assert run(shell) == 0
    assert len(hook.new()) == 1


def test_a_locked_run_is_nobody_s_incident(shell: Shell, hook: Webhook) -> None:
    from whop_elt.run_lock import run_lock

    with run_lock(shell.folder / ".whop-elt" / "lock"):
        assert run(shell) == 4
    assert hook.new() == []


def test_stale_data_is_told_by_status_and_by_a_run(shell: Shell, hook: Webhook) -> None:
    run(shell)
    assert shell("status", "--max-age-hours", "26").code == 0
    assert hook.new() == []
    with duckdb.connect(str(shell.folder / "whop.duckdb")) as held:
        held.sql(f"update {DATASET}.sync_runs set started_at = started_at - interval 30 hour")
    assert shell("status", "--max-age-hours", "26").code == 2
    (text,) = hook.new()
    for part in ("apps", "members", "30.0 hours old; 26 allowed", "whop-elt status", "since 20"):
        assert part in text, part
    assert shell("status", "--max-age-hours", "26").code == 2
    assert hook.new() == []
    assert shell("status").code == 0, "without a limit it only shows"

    # A run of one table only: the other is still stale, and the setting makes the run say so.
    assert run(shell, "--tables", "apps", ALERTS__MAX_AGE_HOURS="26") == 0
    (over,) = hook.new()
    assert "apps" in over
    assert "members" not in over
    assert run(shell, ALERTS__MAX_AGE_HOURS="26") == 0
    assert "members" in hook.new()[0]


def test_a_run_tells_of_a_table_it_does_not_read(shell: Shell, hook: Webhook) -> None:
    run(shell)
    with duckdb.connect(str(shell.folder / "whop.duckdb")) as held:
        held.sql(f"update {DATASET}.sync_runs set started_at = started_at - interval 30 hour")
    assert run(shell, "--tables", "apps") == 0
    assert hook.new() == [], "no limit is set"
    assert run(shell, "--tables", "apps", ALERTS__MAX_AGE_HOURS="26") == 0
    (text,) = hook.new()
    assert "members" in text
    assert "apps" not in text


MOVED = """
create schema whop_marts;
create table whop_marts.dim_companies as select 'biz_a' as company_id, now() as as_of;
create table whop_marts.restatements as
select 'biz_a' as company_id, date '2025-12-01' as month, 'mrr_end_usd' as metric,
    now() as reported_at, 100.0::decimal(38, 9) as was, 95.0::decimal(38, 9) as now,
    -5.0::decimal(38, 9) as change, -5.0::decimal(38, 9) as change_at_last_sync;
create table whop_marts.restatement_causes as
select 'biz_a' as company_id, date '2025-12-01' as month, 'mrr_end_usd' as metric,
    now() as restated_at, 'mem_a' as membership_id, 'refund' as cause,
    -5.0::decimal(38, 9) as change
"""


def test_a_closed_month_that_moved_by_more_than_a_share_is_told_once(
    shell: Shell, hook: Webhook
) -> None:
    run(shell)
    with duckdb.connect(str(shell.folder / "whop.duckdb")) as held:
        held.execute(MOVED)
    assert run(shell) == 0
    assert run(shell, ALERTS__RESTATED_SHARE="0.05") == 0
    assert hook.new() == [], "nobody asks, or it is no more than that"
    assert run(shell, ALERTS__RESTATED_SHARE="0.04") == 0
    (text,) = hook.new()
    assert "MRR of December 2025 was $100.00 and is $95.00 now" in text
    assert "refunded" in text and "--restated" in text
    assert run(shell, ALERTS__RESTATED_SHARE="0.04") == 0
    assert hook.new() == []
    with duckdb.connect(str(shell.folder / "whop.duckdb")) as held:
        held.execute("delete from whop_marts.restatements")
    assert run(shell, ALERTS__RESTATED_SHARE="0.04") == 0
    (over,) = hook.new()
    assert "over" in over and "2025-12" in over
    assert run(shell, ALERTS__RESTATED_SHARE="two") == 0
    assert "ALERTS__RESTATED_SHARE is 'two'" in shell.everything_said


# Where an incident is remembered


def test_a_fresh_container_knows_what_was_told(
    shell: Shell, hook: Webhook, server: Server, postgres_url: str, tmp_path: Path
) -> None:
    shell.environment |= {
        "WHOP_ELT_DESTINATION": "postgres",
        "DESTINATION__POSTGRES__CREDENTIALS": postgres_url,
    }
    server.faults.add("GET /members", Fault("status", status=503))
    for number in range(3):
        shell.folder = tmp_path / f"container-{number}"
        shell.folder.mkdir()
        assert run(shell) == 2
    assert len(hook.new()) == 1
    server.faults.clear()
    shell.folder = tmp_path / "container-last"
    shell.folder.mkdir()
    assert run(shell) == 0
    assert "over" in hook.new()[0]
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select kind, subject, over_at is null from {DATASET}.{store.TABLE}")
        held = cursor.fetchall()
    assert held == [("failed", f"{server.businesses[0].company_id} members", False)]


def test_a_warehouse_that_is_down_is_told_once_from_one_folder(
    shell: Shell, hook: Webhook, postgres_url: str
) -> None:
    down = {
        "WHOP_ELT_DESTINATION": "postgres",
        "DESTINATION__POSTGRES__CREDENTIALS": NO_POSTGRES,
    }
    assert run(shell, *TABLES, **down) == 2
    (text,) = hook.new()
    assert "• warehouse" in text
    assert "postgres does not answer" in text
    assert "DESTINATION__POSTGRES__CREDENTIALS" in text
    assert run(shell, *TABLES, **down) == 2
    assert hook.new() == []
    assert run(shell, *TABLES, **{**down, "DESTINATION__POSTGRES__CREDENTIALS": postgres_url}) == 0
    assert "• warehouse" in hook.new()[0]
    assert not (shell.folder / ".whop-elt" / "incidents.json").exists()


# The webhook itself


def test_several_urls_are_all_told(shell: Shell, hook: Webhook, server: Server) -> None:
    server.faults.add("GET /members", Fault("status", status=503))
    with webhook() as second:
        run(shell, *TABLES, ALERTS__URLS=json.dumps([hook.url, second.url]))
        assert hook.new() == second.new() != []


def test_urls_can_stand_in_a_file(shell: Shell, hook: Webhook, server: Server) -> None:
    del shell.environment["ALERTS__URLS"]
    (shell.folder / ".dlt").mkdir()
    (shell.folder / ".dlt" / "secrets.toml").write_text(f'[alerts]\nurls = ["{hook.url}"]\n')
    server.faults.add("*", Fault("status", status=503))
    # dlt reads its files once in a process, so this needs one of its own.
    ended = subprocess.run(
        [sys.executable, "-m", "whop_elt.cli", "run", "--quiet"],
        cwd=shell.folder,
        env={name: value for name, value in os.environ.items() if "__" not in name}
        | shell.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    shell.everything_said += ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert len(hook.new()) == 1


@pytest.mark.parametrize("trouble", ["closed", "refused", "no url", "broken list"])
def test_a_webhook_that_does_not_take_it_is_logged_and_told_by_the_next_run(
    shell: Shell, hook: Webhook, server: Server, trouble: str
) -> None:
    server.faults.add("GET /members", Fault("status", status=503))
    urls = {
        "closed": f"http://127.0.0.1:9/{HOOK}",
        "refused": hook.url,
        "no url": f"//{HOOK}:x:y",
        "broken list": f'["{HOOK}',
    }
    hook.status = 404
    result = shell("run", "--quiet", *TABLES, ALERTS__URLS=urls[trouble])
    assert result.code == 2, "the code of the run itself"
    assert "ALERTS__URLS" in result.err
    assert ("an alert: HTTP status 404" in result.err) == (trouble == "refused")
    hook.status = 200
    assert run(shell) == 2
    assert len(hook.new()) == 1, "it was not told before"


@pytest.mark.parametrize("dribbles", [False, True])
def test_a_webhook_that_never_answers_holds_nothing_up(
    shell: Shell, hook: Webhook, server: Server, monkeypatch: pytest.MonkeyPatch, dribbles: bool
) -> None:
    monkeypatch.setattr(webhooks, "SECONDS", 0.5)
    server.faults.add("GET /members", Fault("status", status=503))
    hook.hold, hook.dribbles = Event(), dribbles
    sent = webhooks.send
    waited: list[float] = []

    def timed(urls: list[str], text: str) -> int:
        began = time.monotonic()
        taken = sent(urls, text)
        waited.append(time.monotonic() - began)
        return taken

    monkeypatch.setattr(watch, "send", timed)
    result = shell("run", "--quiet", *TABLES)
    hook.hold.set()
    assert result.code == 2
    assert waited[0] < 3
    assert "ALERTS__URLS" in result.err


def test_many_incidents_make_one_message_that_can_be_read(
    shell: Shell, hook: Webhook, models: list[PipelineError]
) -> None:
    names = [f"test_{number}" for number in range(50)]
    models[:] = [DataTestFailed("x" * 5000, names)]
    run(shell)
    (text,) = hook.new()
    assert "• and 30 more" in text
    assert len(text) < 20_000


def test_a_table_left_out_and_a_company_taken_out_are_over_and_have_no_age(
    shell: Shell, hook: Webhook
) -> None:
    companies = [Business(seed=seed, members=15, years=0.3) for seed in (1, 2)]
    denied = ALL_PERMISSIONS - {"promo_code:basic:read"}
    tables = '["apps", "members", "promo_codes"]'
    with serve(*companies, permissions=denied) as two:
        shell.point_at(two)
        del shell.environment["SOURCES__WHOP__COMPANY_ID"]
        first, second = (each.company_id for each in companies)
        both = {"SOURCES__WHOP__COMPANY_IDS": json.dumps([first, second])}
        ended = shell("run", "--quiet", **both, SOURCES__WHOP__TABLES=tables)
        assert ended.code == 3
        (text,) = hook.new()
        assert f"{first} promo_codes" in text
        # What may not be read has no age; what is chosen, and old, has one.
        monitored = ("status", "--max-age-hours", "26")
        assert shell(*monitored, **both, SOURCES__WHOP__TABLES=tables).code == 0
        assert hook.new() == []

        left_out = {**both, "SOURCES__WHOP__TABLES": '["apps", "members"]'}
        assert shell("run", "--quiet", **left_out).code == 0
        (over,) = hook.new()
        assert "over" in over
        assert f"{first} promo_codes" in over
        assert f"{second} promo_codes" in over
        found = json.loads(shell("status", "--json", **left_out).out)
        assert {table["table"] for table in found["tables"]} == {"apps", "members"}

        one = {**left_out, "SOURCES__WHOP__COMPANY_IDS": json.dumps([first])}
        with duckdb.connect(str(shell.folder / "whop.duckdb")) as held:
            held.sql(
                f"update {DATASET}.sync_runs set started_at = started_at - interval 30 hour "
                f"where company_id = '{second}'"
            )
        assert shell(*monitored, **left_out).code == 2
        (text,) = hook.new()
        assert f"{second} apps" in text
        assert shell(*monitored, **one).code == 0
        (over,) = hook.new()
        assert f"{second} apps" in over
        found = json.loads(shell("status", "--json", **one).out)
        assert {table["company_id"] for table in found["tables"]} == {first}


def test_an_error_outside_of_every_step_is_told_too(
    shell: Shell, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PipelineError("between two steps")

    with monkeypatch.context() as patch:
        patch.setattr("whop_elt.run.tell_age", fail)
        assert run(shell) == 2
    (text,) = hook.new()
    assert "• run (since" in text
    assert "between two steps" in text
    assert run(shell) == 0
    assert "• run: " in hook.new()[0]


def test_every_company_has_its_own_incidents(shell: Shell, hook: Webhook) -> None:
    companies = [Business(seed=seed, members=15, years=0.3) for seed in (1, 2)]
    with serve(*companies) as two:
        shell.point_at(two)
        del shell.environment["SOURCES__WHOP__COMPANY_ID"]
        ids = [each.company_id for each in companies]
        assert run(shell, *TABLES, SOURCES__WHOP__COMPANY_IDS=json.dumps([*ids, "biz_gone"])) == 2
        (text,) = hook.new()
        assert "• biz_gone" in text
        assert ids[0] not in text
        two.faults.add("GET /apps", Fault("status", status=503))
        companies[0].advance(timedelta(hours=1))
        assert run(shell, *TABLES, SOURCES__WHOP__COMPANY_IDS=json.dumps([*ids, "biz_gone"])) == 2
        (text,) = hook.new()
        assert all(f"• {company_id} apps" in text for company_id in ids)
        assert "biz_gone" not in text
