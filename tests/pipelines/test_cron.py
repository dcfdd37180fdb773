"""`whop-elt run` the way cron, systemd and a container start it: what is said, what is kept."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import duckdb
import psycopg2
import pytest
from test_cli import Shell, business
from typer.main import get_command

from whop_elt import cli
from whop_elt.destination import DATASET
from whop_elt.errors import ExitCode
from whop_simulator import Fault, Server, serve

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "whop-elt"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(business()) as running:
        yield running


@pytest.fixture
def connected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: Server,
) -> Shell:
    shell = Shell(tmp_path, monkeypatch, capsys)
    shell.point_at(server)
    return shell


def by_cron(line: str, settings: dict[str, str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with what cron gives it: a plain shell, hardly an environment, no terminal."""
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd="/",
        env={"HOME": str(home), "LOGNAME": "whop", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
        | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_cron_is_told_nothing_when_all_is_well_and_machines_read_every_line(
    connected: Shell, server: Server, tmp_path: Path
) -> None:
    command = f"cd {tmp_path} && {PROGRAM} run"
    quiet = by_cron(f"{command} --quiet", connected.environment, tmp_path)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")

    # dbt finds a column that it cannot use: its words, too, come as one object a line.
    with duckdb.connect(str(tmp_path / "whop.duckdb")) as held:
        held.sql(f"alter table {DATASET}.membership_states alter currency type int using null")
    server.faults.add("GET /apps", Fault("status", status=503))
    broken = by_cron(f"{command} --log-format json", connected.environment, tmp_path)
    assert broken.returncode == 2
    assert broken.stdout == ""
    lines = [json.loads(line) for line in broken.stderr.splitlines()]
    with duckdb.connect(str(tmp_path / "whop.duckdb")) as held:
        (runs,) = held.sql(
            f"select run_id from {DATASET}.sync_runs order by started_at desc limit 1"
        ).fetchall()
    assert {line["run_id"] for line in lines} == set(runs)
    assert {"time", "level", "event"} <= set.intersection(*(set(line) for line in lines))
    assert [line["table"] for line in lines if line["level"] == "error" and "table" in line] == [
        "apps"
    ]
    assert "stg_" in lines[-1]["event"]
    assert lines[-1]["exit_code"] == 2
    for said in (broken.stderr, quiet.stderr):
        assert server.api_key not in said


def test_a_run_s_last_line_has_its_code(connected: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whop_elt.run.transform", lambda *_, **__: 218)
    monkeypatch.setattr("whop_elt.run.report_to", lambda *_: None)
    arguments = ("run", "--tables", "apps", "--log-format", "json")
    result = connected(*arguments)
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert lines[-1]["event"] == f"Run {lines[-1]['run_id']} ended with 0"
    assert lines[-1]["exit_code"] == 0
    assert result.out == ""


def test_what_libraries_log_has_the_same_form(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object, **__: object) -> int:
        logging.getLogger("dlt").critical("a library's\nlast words")
        return 0

    monkeypatch.setattr("whop_elt.run.transform", build)
    monkeypatch.setattr("whop_elt.run.report_to", lambda *_: None)
    result = connected("run", "--tables", "apps", "--quiet", "--log-format", "json")
    (line,) = [json.loads(line) for line in result.err.splitlines()]
    assert (line["event"], line["logger"], line["level"]) == (
        "a library's\nlast words",
        "dlt",
        "critical",
    )
    assert line["run_id"]


def test_a_slip_of_ours_is_one_object_too_and_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slip(*_: object, **__: object) -> int:
        raise KeyError("what nobody thought of")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("whop_elt.run.run", slip)
    monkeypatch.setattr(sys, "argv", ["whop-elt", "run", "--quiet", "--log-format", "json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert "what nobody thought of" in line["event"]
    assert "KeyError" in line["traceback"]
    assert line["run_id"]


# The files for cron, systemd and Docker


def commands() -> list[str]:
    """Every command line the docs, the unit and the image start by themselves."""
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    crontab = re.findall(r"^[\d*/]+ .*(whop-elt [^\n]*)$", page, re.MULTILINE)
    unit = (ROOT / "deploy" / "whop-elt.service").read_text(encoding="utf-8")
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    started = re.findall(r"^ExecStart=.*(whop-elt .*)$", unit, re.MULTILINE)
    image = [
        " ".join(json.loads(entry) + json.loads(arguments))
        for entry, arguments in re.findall(r"^ENTRYPOINT (.*)\nCMD (.*)$", docker, re.MULTILINE)
    ]
    assert crontab and started and image
    return [*crontab, *started, *image]


def test_the_command_lines_that_are_handed_out_are_understood() -> None:
    group = get_command(cli.app)
    for line in commands():
        started, name, *arguments = shlex.split(line.split(">")[0].replace("-m ", ""))
        assert started in {"whop-elt", "python"}
        if started == "python":
            name, *arguments = arguments
        command = group.commands[name]  # type: ignore[attr-defined]
        command.make_context(name, arguments, resilient_parsing=False)


def test_the_locks_name_the_same_versions() -> None:
    def versions(path: str) -> dict[str, str]:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE))

    tested = versions("requirements.lock")
    image = versions("deploy/requirements.lock")
    assert image.items() <= tested.items()
    assert "pytest" not in image
    assert tested.items() <= versions("pipelines/airflow/requirements.lock").items()


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    units: dict[str, ConfigParser] = {}
    for unit in (ROOT / "deploy").glob("whop-elt.*"):
        text = unit.read_text(encoding="utf-8")
        text = text.replace("/opt/whop-elt/.venv/bin/whop-elt", str(PROGRAM))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
        units[unit.name] = ConfigParser(interpolation=None)
        units[unit.name].read_string(text)
    # A timer starts the service of its own name.
    assert units.keys() == {"whop-elt.service", "whop-elt.timer"}
    service, timer = units["whop-elt.service"]["Service"], units["whop-elt.timer"]
    assert service["Type"] == "oneshot"
    well = {ExitCode.LOCKED, ExitCode.INTERRUPTED}
    assert {int(code) for code in service["SuccessExitStatus"].split()} == well
    # The rest of the disk is read-only to it.
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"] == service["WorkingDirectory"]
    assert timer["Timer"]["OnCalendar"] == "hourly"
    assert timer["Timer"].getboolean("Persistent")
    assert timer["Install"]["WantedBy"] == "timers.target"
    # Where systemd is, it has the last word.
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_a_fresh_container_goes_on_where_the_last_one_stopped(
    connected: Shell, server: Server, postgres_url: str, tmp_path: Path
) -> None:
    """Only the files the image has, and each time an empty folder."""
    image = tmp_path / "image"
    image.mkdir()
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for copied in re.findall(r"^COPY (.*) \S+$", docker, re.MULTILINE):
        for name in copied.split():
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, image / name, symlinks=True)
            else:
                shutil.copy(ROOT / name, image)
    environment = {name: value for name, value in os.environ.items() if "__" not in name}
    for command in ("sync", "run"):
        folder = tmp_path / f"container-{command}"
        folder.mkdir()
        ended = subprocess.run(
            [sys.executable, "-m", "whop_elt.cli", command, "--quiet"],
            cwd=folder,
            env=environment
            | connected.environment
            | {
                "PYTHONPATH": str(image / "src"),
                "WHOP_ELT_DESTINATION": "postgres",
                "DESTINATION__POSTGRES__CREDENTIALS": postgres_url,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"select mode from {DATASET}.sync_runs where table_name = 'payments' "
            "order by started_at"
        )
        assert [mode for (mode,) in cursor.fetchall()] == ["full", "incremental"]
