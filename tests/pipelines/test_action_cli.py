"""`whop-elt action` as a person and a script meet it: output, exit codes, and what is asked."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import whop_actions as actions
from whop_actions import upload
from whop_elt import cli
from whop_simulator import Business, Fault, Server, serve

KEY = "key-that-nobody-may-see-9d4e"


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)

    @property
    def data(self) -> Any:
        assert self.code == 0, self.err + self.out
        assert self.err == ""
        answer = self.answer
        assert answer == {"data": answer["data"], "error": None, "successful": True}
        return answer["data"]

    def refused(self) -> str:
        """The one line of a usage error."""
        assert (self.code, self.out) == (1, "")
        (line,) = self.err.splitlines()
        return line


class Terminal(io.StringIO):
    """A standard input with a person at it."""

    def isatty(self) -> bool:
        return True


@dataclass
class Shell:
    """Runs `whop-elt action …` in this process, in a folder of its own."""

    server: Server
    business: Business
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    said: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, stdin: io.StringIO | None = None, **env: str) -> Result:
        settings = {
            "SOURCES__WHOP__API_KEY": KEY,
            "SOURCES__WHOP__BASE_URL": self.server.base_url,
            "SOURCES__WHOP__COMPANY_ID": self.business.company_id,
            "SOURCES__WHOP__BACKOFF_SECONDS": "0.01",
            "SOURCES__WHOP__MAX_ATTEMPTS": "3",
            **env,
        }
        with self.monkeypatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["whop-elt", "action", *arguments])
            patch.setattr(sys, "stdin", stdin or io.StringIO())
            patch.setattr(upload, "POLL_SECONDS", 0.01)
            for name in [name for name in os.environ if name.startswith("SOURCES__")]:
                patch.delenv(name)
            for name, value in settings.items():
                if value:
                    patch.setenv(name, value)
            # dlt's log still writes to what an earlier test had for its standard error.
            patch.setattr(logging.getLogger("dlt"), "handlers", [])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        captured = self.capsys.readouterr()
        self.said.append(captured.out + captured.err)
        return Result(int(ended.value.code or 0), captured.out, captured.err)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    # Now, because the end of a token is measured from the clock on the wall.
    business = Business(members=130, years=1, clock=datetime.now(UTC))
    with serve(business, api_key=KEY) as server:
        shell = Shell(server, business, tmp_path, monkeypatch, capsys)
        yield shell
        # Whatever a test of this file does: nothing that is said has the key in it.
        assert shell.said
        assert not any(KEY in said for said in shell.said)


# list, describe


def test_list_prints_nineteen(shell: Shell) -> None:
    result = shell("list")
    lines = result.out.splitlines()
    assert (result.code, len(lines)) == (0, 19)
    assert sum(" changes " in line for line in lines) == 4
    (line,) = (line for line in lines if line.startswith("list-payments "))
    assert line.split() == ["list-payments", "reads", "WHOP_LIST_PAYMENTS", "GET", "/payments"]


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.short_name)
def test_describe_names_every_parameter_value_and_rule(
    shell: Shell, action: actions.Action
) -> None:
    result = shell("describe", action.name)
    assert (result.code, result.err) == (0, "")
    assert result.out == shell("describe", action.short_name).out
    assert ("needs --yes" in result.out) is action.changes
    assert action.text in result.out
    for parameter in action.parameters:
        assert f"  --{parameter.name.replace('_', '-')}  " in result.out
        assert parameter.text in result.out
        assert ", ".join(parameter.enum) in result.out
    for rule in action.rules:
        assert f"one of: {', '.join(rule.names)}" in result.out


def test_describe_says_what_is_required_and_of_which_type(shell: Shell) -> None:
    text = shell("describe", "update-plan").out
    assert "--id  string, required\n" in text
    assert "--custom-fields  list of objects\n" in text
    token = shell("describe", "create-access-token").out
    assert "Give exactly one of: user_id, company_id" in token
    assert "Give at least one of: member_id" in shell("describe", "list-payment-methods").out
    assert "Give at most one of: first, last" in shell("describe", "list-payments").out


@pytest.mark.parametrize("command", ["describe", "run"])
def test_an_action_that_is_not_there(shell: Shell, command: str) -> None:
    assert "No action list-dreams; there are: create-" in shell(command, "list-dreams").refused()


# run: reads


def test_a_read(shell: Shell) -> None:
    answer = shell("run", "WHOP_RETRIEVE_COMPANY", "--id", "me").data
    assert answer == shell.business.row("companies", shell.business.company_id)


def test_parameters_are_options_of_their_own_name(shell: Shell) -> None:
    rows = shell(
        "run",
        "list-payments",
        *("--statuses", "paid", "--statuses=open", "--billing_reasons", '["one_time", "manual"]'),
        *("--include-free", "--first", "5", "--created-after", "2025-06-01", "--direction=asc"),
    ).data["data"]
    assert 0 < len(rows) <= 5
    (asked,) = shell.server.log
    assert asked == (
        "GET /payments",
        {
            "statuses[]": ["paid", "open"],
            "billing_reasons[]": ["one_time", "manual"],
            "include_free": ["true"],
            "first": ["5"],
            "created_after": ["2025-06-01T00:00:00.000Z"],
            "direction": ["asc"],
            "company_id": [shell.business.company_id],
        },
    )


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (["--include-free", "false"], {"include_free": ["false"]}),
        (["--include-free=true"], {"include_free": ["true"]}),
        (["--include-free", "--first", "1"], {"include_free": ["true"], "first": ["1"]}),
        (["--statuses", "null", "--first", "null"], {}),
        (["--after=null"], {}),
        (["--plan-ids", "7"], {"plan_ids[]": ["7"]}),
    ],
)
def test_how_values_are_read(shell: Shell, options: list[str], sent: dict[str, list[str]]) -> None:
    shell("run", "list-payments", *options)
    company = {"company_id": [shell.business.company_id]}
    assert shell.server.log == [("GET /payments", sent | company)]


def test_all_pages(shell: Shell) -> None:
    members = {row["id"] for row in shell.business.rows("members")}
    assert len(members) > 100
    one = shell("run", "list-members").data
    assert (len(one["data"]), one["page_info"]["has_next_page"]) == (100, True)
    every = shell("run", "list-members", "--all").data
    assert {row["id"] for row in every["data"]} == members
    assert every["page_info"]["has_next_page"] is False


def test_the_company_of_the_settings(shell: Shell) -> None:
    own = shell.business.company_id
    company = {"company_id": [own]}
    assert shell("run", "list-memberships", "--first", "1").data["data"]
    one: dict[str, Any] = {
        "SOURCES__WHOP__COMPANY_ID": "",
        "SOURCES__WHOP__COMPANY_IDS": f'["{own}"]',
    }
    assert shell("run", "list-memberships", **one).data["data"]
    assert [query for _, query in shell.server.log] == [{"first": ["1"], **company}, company]
    for several in ("", '["biz_a", "biz_b"]'):
        none: dict[str, Any] = {
            "SOURCES__WHOP__COMPANY_ID": "",
            "SOURCES__WHOP__COMPANY_IDS": several,
        }
        assert "give company_id, or set SOURCES__WHOP__COMPANY_ID" in (
            shell("run", "list-memberships", **none).refused()
        )
    assert shell("run", "list-memberships", "--company-id", own, **none).data["data"]


@pytest.mark.parametrize("name", ["list-payments", "list-members", "list-authorized-users"])
def test_a_list_that_may_go_without_a_company_asks_for_the_configured_one(
    shell: Shell, name: str
) -> None:
    own = shell.business.company_id
    shell("run", name)
    shell("run", name, "--company-id", "biz_other")
    none: dict[str, Any] = {"SOURCES__WHOP__COMPANY_ID": ""}
    shell("run", name, **none)
    asked = [query.get("company_id") for _, query in shell.server.log]
    assert asked == [[own], ["biz_other"], None]


def test_parameters_from_json(shell: Shell) -> None:
    file = shell.folder / "ask.json"
    file.write_text(json.dumps({"statuses": ["paid"], "first": 2, "order": "paid_at"}))
    shell("run", "list-payments", "--json", str(file), "--first", "3").data  # noqa: B018
    shell("run", "list-payments", "--json", "-", stdin=io.StringIO('{"first": 1}')).data  # noqa: B018
    company = {"company_id": [shell.business.company_id]}
    assert [query for _, query in shell.server.log] == [
        {"statuses[]": ["paid"], "first": ["3"], "order": ["paid_at"], **company},
        {"first": ["1"], **company},
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--colour", "red"], "there is no parameter colour"),
        (["--colour"], "there is no parameter colour"),
        (["--first", "ten"], "first must be a whole number, not 'ten'"),
        (["--first", "1.5"], "first must be a whole number, not 1.5"),
        (["--first", "1", "--first", "2"], "first is given 2 times"),
        (["--first"], "first has no value"),
        (["--first", "--last", "1"], "first has no value; one that begins with --"),
        (["--first", "1", "--last", "1"], "give first or last, not both"),
        (["--include-free", "yes"], "include_free must be true or false"),
        (["--statuses", "[1]"], "statuses must be a list of texts"),
        (["--order", "id"], "order can be final_amount, created_at, paid_at, not 'id'"),
        (["open"], "'open' belongs to no option"),
        (["--all", "--last", "1"], "leave out last"),
        (["--path", "x"], "path is for create-file only"),
        (["--json", "none.json"], "--json none.json"),
        (["--json", "-"], "--json -"),
    ],
)
def test_usage(shell: Shell, options: list[str], says: str) -> None:
    assert says in shell("run", "list-payments", *options).refused()
    assert not shell.server.requests


def test_json_that_is_no_object(shell: Shell) -> None:
    result = shell("run", "list-payments", "--json", "-", stdin=io.StringIO("[1]"))
    assert "must be a JSON object" in result.refused()


def test_what_whop_refuses(shell: Shell) -> None:
    result = shell("run", "retrieve-plan", "--id", "plan_none")
    assert result.code == 2
    assert result.answer == {
        "data": {},
        "error": "GET /plans/{id}: HTTP 404: No such plans: plan_none",
        "successful": False,
    }
    shell.server.faults.add("GET /members", Fault("status", status=503))
    result = shell("run", "list-members")
    assert (result.code, result.answer["successful"]) == (2, False)


def test_the_key_is_a_setting(shell: Shell) -> None:
    line = shell("run", "retrieve-company", "--id", "me", SOURCES__WHOP__API_KEY="").refused()
    assert "SOURCES__WHOP__API_KEY" in line
    wrong = "wrong-key-77aa"
    result = shell("run", "retrieve-company", "--id", "me", SOURCES__WHOP__API_KEY=wrong)
    assert result.code == 1
    assert "SOURCES__WHOP__API_KEY" in result.answer["error"]
    assert wrong not in result.out + result.err


def test_an_app_is_shown_without_its_secrets(shell: Shell) -> None:
    app = shell.business.rows("apps")[0]["id"]
    inside = shell.business.row("apps", app)
    assert inside["api_key"]
    result = shell("run", "retrieve-app", "--id", app)
    assert not result.data.keys() & {"api_key", "secrets"}
    assert inside["api_key"]["token"] not in result.out


# run: changes


def a_plan(shell: Shell) -> str:
    return str(shell.business.rows("plans")[0]["id"])


def test_a_change_needs_a_yes(shell: Shell) -> None:
    plan = a_plan(shell)
    before = shell.business.row("plans", plan)
    line = shell("run", "update-plan", "--id", plan, "--title", "New").refused()
    assert "update-plan changes something at Whop" in line
    assert "--yes" in line
    assert not shell.server.requests
    assert shell.business.row("plans", plan) == before
    assert shell("run", "update-plan", "--id", plan, "--title", "New", "--yes").data["title"] == (
        "New"
    )
    assert shell.business.row("plans", plan)["title"] == "New"


@pytest.mark.parametrize("reply", ["y\n", "n\n", "\n", ""])
def test_a_change_asks_on_a_terminal(shell: Shell, reply: str) -> None:
    promo = next(
        row["id"] for row in shell.business.rows("promo_codes") if row["status"] == "active"
    )
    result = shell("run", "delete-promo-code", "--id", promo, stdin=Terminal(reply))
    sent = shell.server.requests["DELETE /promo_codes/{id}"]
    assert "Archive a promo code" in result.err
    assert f"/promo_codes/{promo}" in result.err
    assert '"Bearer ***"' in result.err
    assert "Send this to Whop? [y/N]" in result.err
    if reply == "y\n":
        assert (result.code, sent) == (0, 1)
        assert result.answer["data"] == {"result": True}
    else:
        assert (result.code, sent, result.out) == (1, 0, "")


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        (["--billing-period", "30"], "billing_period", 30),
        (["--stock", "null"], "stock", None),
        (["--stock", "-1"], "stock", -1),
        (["--renewal-price", "10.43"], "renewal_price", 10.43),
        (["--title", "10"], "title", "10"),
        (["--title", "null"], "title", None),
        (["--title=--yes"], "title", "--yes"),
        (["--title", "-5% ü=x"], "title", "-5% ü=x"),
        (["--unlimited-stock"], "unlimited_stock", True),
        (["--custom-fields", '{"name": "a"}'], "custom_fields", [{"name": "a"}]),
        (["--custom-fields", "[]"], "custom_fields", []),
        (["--custom-fields", "null"], "custom_fields", None),
        (
            ["--payment-method-configuration", '{"enabled": ["card"]}'],
            "payment_method_configuration",
            {"enabled": ["card"]},
        ),
    ],
)
def test_dry_run_shows_the_request_and_sends_nothing(
    shell: Shell, options: list[str], field: str, value: Any
) -> None:
    result = shell("run", "update-plan", "--id", "plan_1", *options, "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert result.answer == {
        "method": "PATCH",
        "url": f"{shell.server.base_url}/plans/plan_1",
        "headers": {"Authorization": "Bearer ***"},
        "query": {},
        "body": {field: value},
    }
    assert not shell.server.requests


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.short_name)
def test_dry_run_of_every_action(shell: Shell, action: actions.Action) -> None:
    given = [
        text
        for parameter in action.parameters
        if parameter.required
        for text in (f"--{parameter.name}", "x_1")
    ]
    given += {"update-plan": ["--stock", "1"], "create-access-token": ["--user-id", "u"]}.get(
        action.short_name, []
    )
    shown = shell("run", action.short_name, *given, "--dry-run").answer
    assert shown["method"] == action.method
    assert shown["url"].endswith(action.path.replace("{id}", "x_1"))
    assert not shell.server.requests


def test_a_bad_change_is_refused_before_anybody_is_asked(shell: Shell) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=4)).isoformat()
    line = shell(
        *("run", "create-access-token", "--user-id", "user_1", "--expires-at", ends),
        stdin=Terminal("y\n"),
    ).refused()
    assert "expires_at is more than 3 hours ahead" in line


def test_a_token_is_printed_once_and_logged_nowhere(
    shell: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    arguments = ("run", "create-access-token", "--company-id", shell.business.company_id, "--yes")
    result = shell(*arguments)
    token = result.data["token"]
    assert result.out.count(token) == 1
    assert token not in result.err + caplog.text
    assert not any(token in file.read_text() for file in shell.folder.rglob("*") if file.is_file())


def test_a_file_with_its_bytes(shell: Shell) -> None:
    (shell.folder / "photo.png").write_bytes(b"\x89PNG" * 1000)
    result = shell("run", "create-file", "--path", "photo.png", "--yes")
    assert result.data == shell.business.row("files", result.data["id"])
    assert (result.data["filename"], result.data["size"]) == ("photo.png", "4000")
    assert "X-Amz-Signature" not in result.out + result.err


def test_a_file_without_its_bytes(shell: Shell) -> None:
    answer = shell("run", "create-file", "--filename", "photo.png", "--yes").data
    assert "X-Amz-Signature" in answer["upload_url"]


def test_a_file_that_is_not_there(shell: Shell) -> None:
    line = shell("run", "create-file", "--path", "none.png", "--yes").refused()
    assert "path cannot be read: none.png" in line
    assert not shell.server.requests


# As a program


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, whop_elt.cli; "
        "print([name for name in ('dlt', 'httpx', 'whop_source') if name in sys.modules])"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    # Generous: the machine may be busy; it takes a fifth of a second.
    assert time.monotonic() - began < 3


def test_a_pipe_gets_json_and_an_exit_code(shell: Shell) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("whop-elt"), "action", "run", "list-apps", "--first", "2"],
        capture_output=True,
        text=True,
        cwd=shell.folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(shell.folder),
            "SOURCES__WHOP__API_KEY": KEY,
            "SOURCES__WHOP__BASE_URL": shell.server.base_url,
        },
        stdin=subprocess.DEVNULL,
        check=True,
    )
    shell.said.append(done.stdout + done.stderr)
    assert len(json.loads(done.stdout)["data"]["data"]) == 2
    assert done.stderr == ""
