"""`transform --engine spark` where it cannot be done: one line that says what to change."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import Result, Shell

from whop_elt.errors import ExitCode, SettingError
from whop_elt.spark import session
from whop_elt.spark.settings import spark_memory


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    raw = tmp_path / "home" / "whop_raw" / "payments"
    raw.mkdir(parents=True)
    (raw / "1.parquet").touch()
    return Shell(tmp_path, monkeypatch, capsys)


def on_spark(shell: Shell, *arguments: str, home: str = "home", **environment: str) -> Result:
    place = {"WHOP_ELT_SPARK_HOME": home} if home else {}
    result = shell("transform", "--engine", "spark", *arguments, **place, **environment)
    assert len(result.said.strip().splitlines()) == 1
    return result


def test_without_pyspark_the_line_says_what_to_install(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_is_there", lambda module: module != "pyspark")
    result = on_spark(shell)
    assert result.code == ExitCode.SETTING
    assert "pyspark is not installed: pip install 'whop-elt[spark]'" in result.said


def test_without_java_the_line_says_which(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_is_there", lambda module: True)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    result = on_spark(shell, PATH=str(shell.folder))
    assert result.code == ExitCode.SETTING
    assert "install Java 17 or 21" in result.said
    result = on_spark(shell, JAVA_HOME="nowhere")
    assert result.code == ExitCode.SETTING
    assert "JAVA_HOME is nowhere, which has no bin/java" in result.said


@pytest.mark.parametrize(
    ("given", "is_one"),
    [("4g", True), ("800m", True), ("4", False), ("0g", False), ("much", False), ("-1g", False)],
)
def test_an_amount_of_memory_is_one(
    given: str, is_one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Java says of a wrong one only that it could not be made."""
    monkeypatch.setenv("WHOP_ELT_SPARK_MEMORY", given)
    if is_one:
        assert spark_memory() == given
        return
    with pytest.raises(SettingError, match=r"WHOP_ELT_SPARK_MEMORY is .* it can be an amount"):
        spark_memory()


def test_without_a_setting_spark_takes_half_of_the_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WHOP_ELT_SPARK_MEMORY", raising=False)
    monkeypatch.chdir(tmp_path)
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2 * 1024**2}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)
    assert spark_memory() == "4096m"


@pytest.mark.parametrize(
    ("home", "arguments", "says"),
    [
        ("", (), "Set WHOP_ELT_SPARK_HOME"),
        ("s3://whop/raw", (), "WHOP_ELT_SPARK_HOME is to be a folder of this machine"),
        ("empty", (), "Nothing is loaded into"),
        ("home", ("--select", "mrr_daily"), "--select"),
        ("home", ("--destination", "postgres"), "--destination"),
    ],
)
def test_what_cannot_be_built_is_said_in_a_line(
    shell: Shell, home: str, arguments: tuple[str, ...], says: str
) -> None:
    result = on_spark(shell, *arguments, home=home)
    assert result.code in (ExitCode.SETTING, ExitCode.FAILED)
    assert says in result.said


THRIFT = {"WHOP_ELT_SPARK_METHOD": "thrift", "WHOP_ELT_SPARK_HOST": "spark.test"}


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"WHOP_ELT_SPARK_METHOD": "odbc"}, "'odbc'; it can be session, thrift or http"),
        ({"WHOP_ELT_SPARK_METHOD": "thrift"}, "Set WHOP_ELT_SPARK_HOST"),
        ({**THRIFT, "WHOP_ELT_SPARK_METHOD": "http"}, "Set WHOP_ELT_SPARK_CLUSTER"),
        ({**THRIFT, "WHOP_ELT_SPARK_HOST": "thrift://spark:10000"}, "WHOP_ELT_SPARK_PORT"),
        ({**THRIFT, "WHOP_ELT_SPARK_PORT": "70000"}, "'70000'; it can be a port"),
        ({**THRIFT, "WHOP_ELT_RAW_SCHEMA": "a; b"}, "WHOP_ELT_RAW_SCHEMA is"),
        (THRIFT, "PyHive is not installed: pip install 'whop-elt[spark-server]'"),
    ],
)
def test_what_is_wrong_with_the_settings_of_a_server_is_one_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], says: str
) -> None:
    monkeypatch.setattr(session, "_is_there", lambda module: module != "pyhive.hive")
    result = on_spark(shell, **environment)
    assert result.code == ExitCode.SETTING
    assert says in result.said
