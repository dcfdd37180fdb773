"""`whop-elt init`: what is answered stands where a run reads it, and nothing is overwritten."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cli import Shell, business
from test_settings import in_a_process

from whop_elt.init import _cron_line
from whop_simulator import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(business()) as running:
        yield running


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


def answer(shell: Shell, *lines: str) -> None:
    shell.monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_what_is_answered_is_what_a_run_reads(shell: Shell, server: Server) -> None:
    company = server.businesses[0].company_id
    answer(shell, f" {server.api_key}\u200b", company, "apps, members", "")
    result = shell("init")
    assert result.code == 0, result.said
    assert server.api_key not in result.said
    assert f"cd {shell.folder}" in result.out.splitlines()[-1]
    assert stat.S_IMODE((shell.folder / ".dlt" / "secrets.toml").stat().st_mode) == 0o600
    assert server.api_key not in (shell.folder / ".dlt" / "config.toml").read_text()

    shell.environment = {"SOURCES__WHOP__BASE_URL": server.base_url}
    synced = in_a_process(shell, "-m", "whop_elt.cli", "sync")
    assert synced.returncode == 0, synced.stderr
    lines = [
        line for line in synced.stderr.splitlines() if "requests)" in line or "request)" in line
    ]
    assert {line.split(":")[0] for line in lines} == {"apps", "members"}
    assert (shell.folder / "whop.duckdb").exists()


def test_postgres_is_asked_for_its_address_and_taken_without_an_option(
    shell: Shell, server: Server, postgres_url: str
) -> None:
    answer(shell, server.api_key, "", "apps", "oracle", "postgres", "localhost", postgres_url)
    result = shell("init")
    assert result.code == 0, result.said
    assert "oracle is neither" in result.err
    assert "it looks like postgresql://" in result.err
    shell.environment = {"SOURCES__WHOP__BASE_URL": server.base_url}
    checked = in_a_process(shell, "-m", "whop_elt.cli", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "postgres at 127.0.0.1" in checked.stdout


def test_a_table_that_there_is_not_is_asked_for_again(shell: Shell) -> None:
    answer(shell, "", "key-9d1", "", "bills", "apps", "duckdb")
    result = shell("init")
    assert result.code == 0
    assert "No table bills" in result.err
    assert "Without a key" in result.err
    assert "apps" in (shell.folder / ".dlt" / "config.toml").read_text()


@pytest.mark.parametrize("there", ["secrets.toml", "config.toml"])
def test_nothing_is_overwritten(shell: Shell, there: str) -> None:
    (shell.folder / ".dlt").mkdir()
    (shell.folder / ".dlt" / there).write_text("# mine")
    answer(shell, "key-9d1", "", "", "")
    result = shell("init")
    assert result.code == 1
    assert there in result.err
    assert [path.name for path in (shell.folder / ".dlt").iterdir()] == [there]
    assert (shell.folder / ".dlt" / there).read_text() == "# mine"


def test_answers_that_end_leave_nothing(shell: Shell) -> None:
    answer(shell, "key-9d1", "")
    result = shell("init")
    assert result.code == 1
    assert "nothing is written" in result.err
    assert list(shell.folder.iterdir()) == []


def test_the_line_for_cron_is_one_that_a_shell_understands(tmp_path: Path) -> None:
    folder = tmp_path / "o'neil & sons 50%"
    folder.mkdir()
    line = _cron_line(folder, Path("/opt/whop elt/bin/whop-elt"))
    schedule, command = line.split(" cd ", 1)
    assert schedule == "15 * * * *"
    # What cron makes of a per cent sign that is escaped.
    shown = "cd " + command.replace(r"\%", "%").replace("&& '", "&& echo '")
    ended = subprocess.run(["/bin/sh", "-c", shown], capture_output=True, text=True, check=True)
    assert ended.stdout == "/opt/whop elt/bin/whop-elt run --quiet\n"
