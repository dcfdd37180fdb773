"""Settings as people write them: where they stand, what is pasted along, what wrong ones say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml
from test_cli import Shell, business

from whop_elt.destination import DATASET
from whop_elt.errors import SettingError
from whop_elt.settings.defaults import DUCKDB_CONFIG
from whop_elt.settings.variables import VARIABLES, model_variables
from whop_elt.transform import models_digest
from whop_elt.version import VERSION
from whop_simulator import Server, serve

ROOT = Path(__file__).resolve().parents[2]
ZERO_WIDTH = "\u200b"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(business()) as running:
        yield running


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture
def connected(shell: Shell, server: Server) -> Shell:
    shell.point_at(server)
    return shell


def in_a_process(shell: Shell, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own: dlt reads its files once in a process."""
    kept = {name: value for name, value in os.environ.items() if "__" not in name}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=shell.folder,
        env={**kept, **shell.environment, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def write(shell: Shell, text: str, name: str = "config.toml", encoding: str = "utf-8") -> None:
    (shell.folder / ".dlt").mkdir(exist_ok=True)
    (shell.folder / ".dlt" / name).write_bytes(text.encode(encoding))


# Where a setting stands


CONFIG = """
[runtime]
log_level = "INFO"
[load]
truncate_staging_dataset = false
delete_completed_jobs = false
[normalize.data_writer]
disable_compression = false
"""
SECRETS = """
[destination.duckdb.credentials.global_config]
threads = 1
"""

TELL = """
import json, logging, os
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.runtime import anon_tracker
from dlt.load.configuration import LoaderConfiguration
from whop_elt.destination import open_destination
before = dict(os.environ)
pipeline = open_destination("duckdb").pipeline
loader = resolve_configuration(LoaderConfiguration(), sections=("load",), accept_partial=True)
print(json.dumps({
    "level": logging.getLogger("dlt").level,
    "truncate": loader.truncate_staging_dataset,
    "delete": loader._load_storage_config.delete_completed_jobs,
    "global": pipeline.sql_client().credentials.global_config,
    "telemetry": anon_tracker._THREAD_POOL is not None,
    "written": sorted(set(os.environ) - set(before)),
}))
"""


def test_what_dlt_can_be_told_is_told_in_its_file_and_the_environment_counts_more(
    shell: Shell,
) -> None:
    def told(**environment: str) -> dict[str, object]:
        ended = in_a_process(shell, "-c", TELL, **environment)
        assert ended.returncode == 0, ended.stderr
        found: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
        return found

    ours = {
        "level": 50,
        "truncate": True,
        "delete": True,
        "global": DUCKDB_CONFIG,
        "telemetry": False,
        "written": [],
    }
    assert told() == ours
    write(shell, CONFIG)
    write(shell, SECRETS, "secrets.toml")
    theirs = ours | {"level": 20, "truncate": False, "delete": False, "global": {"threads": 1}}
    assert told() == theirs
    environment = {
        "RUNTIME__LOG_LEVEL": "ERROR",
        "LOAD__TRUNCATE_STAGING_DATASET": "true",
        "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG": '{"threads": 3}',
    }
    assert told(**environment) == theirs | {
        "level": 40,
        "truncate": True,
        "global": {"threads": 3},
    }


def test_a_sync_heeds_the_file(connected: Shell) -> None:
    write(connected, CONFIG)
    ended = in_a_process(connected, "-m", "whop_elt.cli", "sync", "--tables", "apps")
    assert ended.returncode == 0, ended.stderr
    assert "apps: 4 new" in ended.stderr
    assert "load" in ended.stderr.replace("loaded", "").lower(), "dlt's own log, at INFO"
    with duckdb.connect(str(connected.folder / "whop.duckdb")) as held:
        assert held.sql(f"select count(*) from {DATASET}_staging.apps").fetchall() == [(4,)]


def test_importing_the_project_changes_nothing_in_the_process(shell: Shell) -> None:
    program = (
        "import gc, os; before = (gc.get_threshold(), dict(os.environ))\n"
        "import whop_elt.run, whop_elt.cli, whop_elt.check, whop_source\n"
        "assert before == (gc.get_threshold(), dict(os.environ))"
    )
    ended = in_a_process(shell, "-c", program)
    assert ended.returncode == 0, ended.stderr


# What people paste along


@pytest.mark.parametrize(
    ("text", "encoding", "cause"),
    [
        ("[sources.whop]\n", "utf-8-sig", "byte order mark"),
        ("[sources.whop]\ntables = [", "utf-8", "not closed, at line 2"),
        ('[sources.whop]\ntables = ["a"', "utf-8", "not closed, at line 2"),
        ("[sources.whop]\n", "utf-16", "UTF-16"),
        ("[sources.whop]\n", "utf-16-le", "UTF-16"),
        ("[sources.whop\n", "utf-8", "line 1"),
        ("[sources.whop]\napi_key = s3cret-9d1\n", "utf-8", "line 2"),
    ],
)
@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_file_of_settings_that_cannot_be_read_is_named_with_the_cause(
    connected: Shell, text: str, encoding: str, cause: str, name: str
) -> None:
    write(connected, text, name, encoding)
    for command in ("check", "sync"):
        ended = in_a_process(connected, "-m", "whop_elt.cli", command)
        assert ended.returncode == 1, ended.stderr
        (line,) = ended.stderr.splitlines()
        assert name in line
        assert cause in line
        assert "s3cret-9d1" not in line


@pytest.mark.parametrize("pasted", ["{}\n", "  {} ", "\t{}\r\n", "\ufeff{}", "{}" + ZERO_WIDTH])
def test_what_is_pasted_around_a_setting_is_taken_off(
    connected: Shell, server: Server, pasted: str
) -> None:
    company = server.businesses[0].company_id
    for name in ("API_KEY", "BASE_URL", "COMPANY_ID"):
        setting = f"SOURCES__WHOP__{name}"
        connected.environment[setting] = pasted.format(connected.environment[setting])
    synced = connected("sync", "--tables", pasted.format("apps"))
    assert synced.code == 0, synced.said
    assert "apps: 4 new" in synced.err
    again = connected("sync", "--tables", "apps", "--company", pasted.format(company))
    assert again.code == 0, again.said
    assert connected("check").code == 0
    assert connected("action", "run", "list-memberships").code == 0


@pytest.mark.parametrize("name", ["API_KEY", "COMPANY_ID", "BASE_URL"])
@pytest.mark.parametrize("inside", [" ", "\n", "\u00a0", "\u2011"])
def test_what_is_pasted_into_the_middle_of_a_setting_is_named(
    connected: Shell, name: str, inside: str
) -> None:
    setting = f"SOURCES__WHOP__{name}"
    value = connected.environment[setting]
    connected.environment[setting] = value[:9] + inside + value[9:]
    for command in (["sync", "--tables", "apps"], ["check"]):
        result = connected(*command)
        assert result.code == 1
        (line,) = result.err.splitlines()
        assert setting in line
        assert value[:9] not in line


def test_a_company_named_twice_is_read_once(connected: Shell, server: Server) -> None:
    company = server.businesses[0].company_id
    del connected.environment["SOURCES__WHOP__COMPANY_ID"]
    connected.environment["SOURCES__WHOP__COMPANY_IDS"] = json.dumps([company, f" {company}", ""])
    result = connected("sync", "--tables", "apps", "--log-format", "json")
    assert result.code == 0, result.said
    assert len([line for line in result.err.splitlines() if '"table": "apps"' in line]) == 1
    with duckdb.connect(str(connected.folder / "whop.duckdb")) as held:
        runs = held.sql(f"select table_name from {DATASET}.sync_runs").fetchall()
    assert runs == [("apps",)]


# What is said of wrong ones


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PII", "hsh", "keep, hash or drop"),
        ("TABLES", "payments", '["a", "b"]'),
        ("COMPANY_IDS", "biz_a", '["a", "b"]'),
        ("FULL_EVERY_DAYS", "weekly", "a number"),
        ("MAX_ATTEMPTS", "many", "a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_told_what_can(
    connected: Shell, name: str, value: str, says: str
) -> None:
    connected.environment.pop("SOURCES__WHOP__COMPANY_ID")
    connected.environment[f"SOURCES__WHOP__{name}"] = value
    for command in ("sync", "check"):
        result = connected(command)
        assert result.code == 1
        (line,) = result.err.splitlines()
        assert f"SOURCES__WHOP__{name}" in line
        assert says in line


def test_check_says_which_company_is_wrong(connected: Shell, server: Server) -> None:
    company = server.businesses[0].company_id
    del connected.environment["SOURCES__WHOP__COMPANY_ID"]
    connected.environment["SOURCES__WHOP__COMPANY_IDS"] = json.dumps([company, "biz_wrong"])
    result = connected("check")
    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if line.startswith("no")]
    assert "biz_wrong" in line


# The models' variables


def test_the_variables_are_those_of_the_dbt_project() -> None:
    project = yaml.safe_load((ROOT / "dbt" / "dbt_project.yml").read_text(encoding="utf-8"))
    # Release and models are said by the program that has them, and are nobody's setting.
    assert {*VARIABLES, "release", "models_digest"} == set(project["vars"])


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"]
)
def test_a_time_zone_with_its_region_is_taken(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELS__REPORTING_TIMEZONE", zone)
    assert model_variables() == {"reporting_timezone": zone}


@pytest.mark.parametrize("command", ["transform", "run"])
def test_every_build_is_told_of_the_variables(
    connected: Shell, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting reaches dbt by whichever command builds; demo and DAG build as run does."""
    assert connected("sync", "--quiet").code == 0
    monkeypatch.setenv("MODELS__GRACE_DAYS", "9")
    asked: list[list[str]] = []

    def invoke(_: object, arguments: list[str]) -> None:
        asked.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr("dbt.cli.main.dbtRunner.invoke", invoke)
    connected(command, "--quiet")
    (arguments,) = asked
    told = json.loads(arguments[arguments.index("--vars") + 1])
    assert told == {"grace_days": 9, "release": VERSION, "models_digest": models_digest()}


@pytest.mark.parametrize(
    "zone",
    [
        *(
            "IST",
            "BST",
            "PST",
            "CET",
            "EST",
            "UTC+5",
            "+05:00",
            "GMT",
            "Berlin",
            "Etc/GMT+5",
            "Zulu",
        ),
        *("Europe/Berln", "europe/berlin", "Local", "posix/Europe/Berlin", "Europe/../UTC", "5"),
    ],
)
def test_any_other_time_zone_is_refused_in_the_setting_and_in_vars(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="--vars: reporting_timezone"):
        model_variables(f"{{reporting_timezone: '{zone}'}}")
    monkeypatch.setenv("MODELS__REPORTING_TIMEZONE", zone)
    with pytest.raises(SettingError, match="MODELS__REPORTING_TIMEZONE"):
        model_variables()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{reporting_timzone: Europe/Berlin}", "no variable reporting_timzone"),
        ("{gracedays: 3}", "no variable gracedays"),
        ("grace_days", "looks like"),
        ("{grace_days: [", "cannot be read"),
        ("{grace_days: -1}", "grace_days is -1"),
        ("{grace_days: 1.5}", "grace_days is 1.5"),
        ("{include_deleted: perhaps}", "true or false"),
        ("{as_of: yesterday}", "2026-01-31"),
    ],
)
def test_a_variable_that_is_not_there_or_makes_no_sense_is_refused(given: str, says: str) -> None:
    with pytest.raises(SettingError) as caught:
        model_variables(given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_vars_count_more_than_the_settings_and_keep_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODELS__GRACE_DAYS", "3")
    monkeypatch.setenv("MODELS__INCLUDE_DELETED", "true")
    monkeypatch.setenv("MODELS__AS_OF", "")
    found = model_variables("{grace_days: 7, as_of: 2026-01-31}")
    assert found == {"grace_days": 7, "include_deleted": True, "as_of": "2026-01-31"}


def test_a_file_is_named_in_dlt_too_whatever_its_folder_is_called(shell: Shell) -> None:
    write(
        shell,
        '[whop_elt]\nplan_versions = " Läden von Bob/alte Pläne.csv "\n'
        'report = "Bob s/page.html"\n',
    )
    tell = (
        "from whop_elt.settings import plan_versions_path, report_path; "
        "print(ascii(plan_versions_path().as_posix()), report_path().as_posix())"
    )
    said = in_a_process(shell, "-c", tell)
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip() == ascii("Läden von Bob/alte Pläne.csv") + " Bob s/page.html"
    said = in_a_process(shell, "-c", tell, WHOP_ELT_PLAN_VERSIONS="mine.csv")
    assert said.stdout.startswith("'mine.csv'"), "the environment comes first"
