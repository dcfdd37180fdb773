"""`whop-elt bi superset`: the bundle for one's own warehouse, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml
from test_cli import Shell

from whop_elt.bi.generate import BUNDLE


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


def test_the_bundle_has_every_file_and_the_address_that_was_given(
    shell: Shell, tmp_path: Path
) -> None:
    url = "postgresql://reader:p%40ss@db.example.com/whop"
    assert shell("bi", "superset", "--output", "bundle", "--postgres", url).code == 0
    written = {path.relative_to(tmp_path / "bundle") for path in tmp_path.glob("bundle/**/*.yaml")}
    assert written == {path.relative_to(BUNDLE) for path in BUNDLE.rglob("*.yaml")}
    (database,) = tmp_path.glob("bundle/databases/*.yaml")
    assert stat.S_IMODE(database.stat().st_mode) == 0o600, "the password is in it"
    asked = yaml.safe_load(database.read_text())["sqlalchemy_uri"]
    assert asked == "postgresql+psycopg2://reader:p%40ss@db.example.com/whop"


def test_it_is_written_again_over_itself_and_over_nothing_else(
    shell: Shell, tmp_path: Path
) -> None:
    command = ("bi", "superset", "--duckdb", "whop-marts.duckdb", "--output")
    assert [shell(*command, "bundle").code for _ in range(2)] == [0, 0]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused = shell(*command, "mine")
    assert refused.code == 1
    assert "--output mine is there, and not ours: give a new folder" in refused.said
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((), "Give one of --postgres URL and --duckdb FILE"),
        (("--postgres", "postgresql://u@h/d", "--duckdb", "x.duckdb"), "Give one of --postgres"),
        (("--duckdb", "whop.duckdb"), "--duckdb is the copy for readers, whop-marts.duckdb"),
        (("--postgres", "mysql://u@h/d"), "--postgres"),
    ],
)
def test_what_superset_could_not_read_is_refused_in_one_line(
    shell: Shell, tmp_path: Path, given: tuple[str, ...], says: str
) -> None:
    refused = shell("bi", "superset", "--output", "bundle", *given)
    assert refused.code == 1
    assert says in refused.said
    assert len(refused.said.strip().splitlines()) == 1
    assert not (tmp_path / "bundle").exists()
