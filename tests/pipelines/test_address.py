"""A Postgres address as people write it: TLS, no password, odd names; the same for dlt and dbt."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg2
import pytest
from test_cli import Shell, business
from tls_proxy import tls_proxy

from whop_elt import address
from whop_elt.destination import DATASET, Destination
from whop_elt.errors import PipelineError, SettingError
from whop_elt.run import locked_destination
from whop_elt.transform import transform
from whop_simulator import Server, serve

SETTING = "DESTINATION__POSTGRES__CREDENTIALS"


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
    shell.environment["WHOP_ELT_DESTINATION"] = "postgres"
    return shell


def one_line(text: str) -> str:
    (line,) = text.strip().splitlines()
    return line


# TLS


def openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


def authority(folder: Path) -> None:
    """A certificate authority, and certificates of it for the server and for the role postgres."""
    folder.mkdir()
    new = ("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    openssl(*new, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test", cwd=folder)
    for name, subject, more in (
        ("server", "/CN=127.0.0.1", ("-addext", "subjectAltName=IP:127.0.0.1")),
        ("client", "/CN=postgres", ()),
    ):
        files = ("-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", subject)
        openssl(*new, "-CA", "ca.crt", "-CAkey", "ca.key", *files, *more, cwd=folder)
        (folder / f"{name}.key").chmod(0o600)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The authority of the server, and one that it has nothing to do with."""
    folder = tmp_path_factory.mktemp("tls")
    ours, theirs = folder / "ours", folder / "theirs"
    authority(ours)
    authority(theirs)
    return ours, theirs


@pytest.fixture
def guarded(authorities: tuple[Path, Path], postgres_url: str) -> Iterator[str]:
    """URL of a Postgres that speaks TLS only, with who shows a certificate only."""
    ours, _ = authorities
    files = (ours / name for name in ("ca.crt", "server.crt", "server.key"))
    parts = urlsplit(postgres_url)
    with tls_proxy(parts.port or 5432, *files) as port:
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}"


def with_tls(url: str, ca: Path, **more: str) -> str:
    ours = ca.parent.parent / "ours"
    query = {
        "sslmode": "verify-full",
        "sslrootcert": str(ca),
        "sslcert": str(ours / "client.crt"),
        "sslkey": str(ours / "client.key"),
        **more,
    }
    return f"{url}?{urlencode(query)}"


def test_tls_settings_reach_dlt_and_dbt_and_both_verify(
    connected: Shell,
    guarded: str,
    authorities: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = (each / "ca.crt" for each in authorities)
    before = dict(os.environ)
    good = {SETTING: with_tls(guarded, ours)}
    assert connected("sync", "--tables", "apps", **good).code == 0
    assert connected("transform", "--select", "stg_whop__apps", **good).code == 0
    assert {name for name in os.environ if name.startswith("PG")} <= set(before)

    refused = connected("sync", "--tables", "apps", **{SETTING: with_tls(guarded, theirs)})
    assert refused.code == 2
    assert "certificate verify failed" in one_line(refused.err)

    # dlt's way in is good, dbt's is not.
    monkeypatch.chdir(connected.folder)
    monkeypatch.setenv(SETTING, good[SETTING])
    shared = {
        "WHOP_ELT_TARGET": "postgres",
        "WHOP_ELT_RAW_SCHEMA": DATASET,
        "WHOP_ELT_SCHEMA": "whop",
    }
    for wrong, says in (
        (with_tls(guarded, theirs), "certificate verify failed"),
        (with_tls(guarded, ours, sslmode="disable"), "server closed the connection"),
    ):
        handed = shared | address.for_dbt(wrong)
        monkeypatch.setattr(Destination, "dbt_environment", lambda _, them=handed: them)
        with locked_destination("postgres") as destination, pytest.raises(PipelineError) as caught:
            transform(destination, "stg_whop__apps")
        assert says in str(caught.value)


def test_what_cannot_be_handed_to_dbt_is_named() -> None:
    with pytest.raises(SettingError, match="sslpassword"):
        address.for_dbt("postgresql://me@host/whop?sslkey=/k&sslpassword=secret")


def test_every_parameter_of_tls_that_libpq_knows_reaches_dbt() -> None:
    """Those of the test's libpq: a newer one may know more."""
    dsn = "postgresql://me@host/whop"
    for name in ("sslcrl", "sslcrldir", "sslsni", "sslcertmode", "channel_binding", "require_auth"):
        found = address.for_dbt(f"{dsn}?{name}=x")
        assert found[f"PG{name.upper().replace('_', '')}"] == "x"
    assert address.for_dbt(f"{dsn}?ssl_min_protocol_version=TLSv1.3")[
        "PGSSLMINPROTOCOLVERSION"
    ] == ("TLSv1.3")


# Passwords, names, parameters


def test_an_address_without_a_password_connects_where_none_is_asked_for(
    connected: Shell, postgres_url: str
) -> None:
    """The tests' own server trusts whoever comes from this machine."""
    bare = postgres_url.replace(":loopback@", "@")
    assert "loopback" not in bare
    result = connected("sync", "--tables", "apps", **{SETTING: f" {bare}\n"})
    assert result.code == 0, result.said
    short = bare.replace("postgresql://", "postgres://")
    assert connected("transform", "--select", "stg_whop__apps", **{SETTING: short}).code == 0


def test_a_password_that_is_missing_is_called_so(connected: Shell, postgres_server: str) -> None:
    with closing(psycopg2.connect(postgres_server)) as admin, admin.cursor() as cursor:
        cursor.execute("show hba_file")
        (file,) = cursor.fetchone() or ("",)
    before = Path(file).read_text()
    try:
        Path(file).write_text("host all asked 127.0.0.1/32 scram-sha-256\n" + before)
        with closing(psycopg2.connect(postgres_server)) as admin, admin.cursor() as cursor:
            admin.autocommit = True
            cursor.execute("drop role if exists asked")
            cursor.execute("create role asked login password 'x'")
            cursor.execute("select pg_reload_conf()")
        url = postgres_server.replace("postgres:loopback@", "asked@")
        result = connected("sync", "--tables", "apps", **{SETTING: url})
    finally:
        Path(file).write_text(before)
    assert result.code == 2
    line = one_line(result.err)
    assert "password" in line
    assert SETTING in line


def test_a_database_with_a_blank_in_its_name_is_worked_in(
    connected: Shell, postgres_server: str
) -> None:
    with closing(psycopg2.connect(postgres_server)) as admin:
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute('create database "My Shop"')
    try:
        url = urlsplit(postgres_server)._replace(path="/My%20Shop").geturl()
        for command in (["sync", "--tables", "apps"], ["transform", "--select", "stg_whop__apps"]):
            result = connected(*command, **{SETTING: url})
            assert result.code == 0, result.said
        shown = connected("check", **{SETTING: url})
        assert "/My Shop" in shown.out
    finally:
        with closing(psycopg2.connect(postgres_server)) as admin:
            admin.autocommit = True
            with admin.cursor() as cursor:
                cursor.execute('drop database "My Shop" with (force)')


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("postgresql://me:s3cret-pw@127.0.0.1:9/whop?pool_timeout=3", "pool_timeout"),
        ("postgresql+psycopg2://me:s3cret-pw@127.0.0.1:9/whop", "it looks like"),
        ("me:s3cret-pw@nowhere", "it looks like"),
        ("host=127.0.0.1 password=s3cret-pw", "it looks like"),
    ],
)
def test_an_address_that_libpq_cannot_read_is_one_line(
    connected: Shell, written: str, says: str
) -> None:
    for command in ("sync", "status"):
        result = connected(command, **{SETTING: written})
        assert result.code == 1
        line = one_line(result.err)
        assert SETTING in line
        assert says in line
        assert "s3cret-pw" not in line
