"""A server of Spark's: what it is told of a bucket, and what is said when something is wrong."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from bucket_line import BucketLine

from spark.on_server import fetched, know_files
from spark.raw_files import write_raw
from spark.sameness import the_same_marts
from spark.test_a_wrong_setting import WRONG
from spark.thrift_server import HOST, free_port, thrift_server
from whop_elt.destination import open_destination
from whop_elt.errors import ExitCode, NothingThere, PipelineError, SettingError
from whop_elt.names import PROJECT
from whop_elt.spark.build import transform_on_spark
from whop_elt.spark.cluster import transform_on_server
from whop_elt.spark.from_bucket import lay_tables
from whop_elt.spark.home import Home
from whop_elt.spark.server import connected
from whop_elt.spark.settings import SparkServer

ALL = bool(os.environ.get("WHOP_ELT_SPARK_ALL"))

SLOW = pytest.mark.skipif(not ALL, reason="make test-spark ALL=1")


def rows_by_id(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=str)


def test_the_files_of_a_bucket_that_count_are_tables_and_no_others(
    line: BucketLine, server: SparkServer
) -> None:
    with line.at_work(), connected(server) as session:
        for _ in range(2):  # also where they are there already
            lay_tables(session, "of_bucket")
        with open_destination("filesystem", reading=True).pipeline.sql_client() as reading:
            client: Any = reading
            for table in ("payments", "plan_states", "refunds", "sync_runs"):
                own = "run_id, table_name" if table == "sync_runs" else "id, _dlt_id"
                files = ", ".join(f"'{file}'" for file in client.addresses(table))
                wanted = client.execute_sql(f"select {own} from read_parquet([{files}])")
                found = session.query(f"select {own} from of_bucket.{table}")
                assert len(wanted) > 1
                assert rows_by_id(found) == rows_by_id([tuple(row) for row in wanted]), table


def test_rows_that_the_server_holds_are_not_replaced_by_those_of_a_bucket(
    line: BucketLine, server: SparkServer
) -> None:
    with line.at_work(), connected(server) as session:
        session.query("create schema if not exists of_others")
        session.query("create table of_others.refunds using parquet as select 'mine' as id")
        with pytest.raises(SettingError, match=r"of_others\.refunds .* WHOP_ELT_RAW_SCHEMA"):
            lay_tables(session, "of_others")
        assert session.query("select id from of_others.refunds") == [("mine",)]
        assert len(session.query("show tables in of_others")) == 1


def test_a_bucket_that_nothing_is_loaded_into_is_said(
    server: SparkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    with connected(server) as session, pytest.raises(NothingThere, match="whop-elt sync"):
        lay_tables(session, "of_nothing")


def test_a_server_without_raw_tables_is_said(
    server: SparkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOP_ELT_RAW_SCHEMA", "nowhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NothingThere, match="nowhere of WHOP_ELT_RAW_SCHEMA has no raw tables"):
        transform_on_server(server)


@pytest.mark.parametrize("name", WRONG if ALL else [*WRONG][:1])
def test_a_server_that_keeps_a_setting_of_its_own_is_refused(
    server: SparkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kept, wanted = WRONG[name]
    monkeypatch.setattr("whop_elt.transform.PROJECT", project_that_says(tmp_path, name, kept))
    monkeypatch.setenv("WHOP_ELT_RAW_SCHEMA", "small")
    monkeypatch.chdir(tmp_path)
    write_raw(tmp_path, {"companies": [{"id": "biz_1", "company_id": "biz_1"}]})
    know_files(server, tmp_path, "small")
    with pytest.raises(PipelineError, match=rf"{name} is not {wanted} on this Spark"):
        transform_on_server(server, left_out=["test", "unit_test"])


def project_that_says(folder: Path, name: str, value: str) -> Path:
    """The dbt project, with a profile that tells the server something else."""
    project = folder / "project"
    project.mkdir()
    for path in PROJECT.iterdir():
        (project / path.name).symlink_to(path)
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text("utf-8"))
    profile["whop_elt"]["outputs"]["spark"]["server_side_parameters"][f"set:hiveconf:{name}"] = (
        value
    )
    (project / "profiles.yml").unlink()
    (project / "profiles.yml").write_text(yaml.safe_dump(profile), "utf-8")
    return project


def test_a_server_that_does_not_answer_is_one_line_that_names_the_settings() -> None:
    nobody = SparkServer("thrift", HOST, free_port(), "owner", "", "", "")
    with (
        pytest.raises(PipelineError, match=r"does not answer.*WHOP_ELT_SPARK_HOST") as told,
        connected(nobody),
    ):
        pass
    assert "\n" not in str(told.value)


@contextmanager
def refusing_server() -> Iterator[int]:
    """What HiveServer2 says to a wrong password, after the mechanism and the password were sent."""
    with socket.create_server((HOST, 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                client, _ = listening.accept()
                with client:
                    for _ in range(2):
                        _, length = struct.unpack(">BI", client.recv(5, socket.MSG_WAITALL))
                        client.recv(length, socket.MSG_WAITALL)
                    says = b"Error validating the login"
                    client.sendall(struct.pack(">BI", 3, len(says)) + says)

        Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def test_a_wrong_password_is_one_line_that_names_the_settings() -> None:
    with refusing_server() as port:
        wrong = SparkServer("thrift", HOST, port, "owner", "guessed", "", "")
        with (
            pytest.raises(
                SettingError, match=r"Error validating the login.*WHOP_ELT_SPARK_PASSWORD"
            ) as told,
            connected(wrong),
        ):
            pass
    assert "guessed" not in str(told.value)


def test_no_pyhive_is_one_line(server: SparkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "whop_elt.spark.session._is_there", lambda module: not module.startswith("pyhive")
    )
    with (
        pytest.raises(SettingError, match=r"PyHive is not .*'whop-elt\[spark-server\]'"),
        connected(server),
    ):
        pass


@SLOW
def test_http_is_spoken_as_a_cluster_of_databricks_speaks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark's server, under the address and behind the TLS that dbt-spark's method asks for."""
    names = ("-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{HOST}")
    for command in (
        ("req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", "key", "-out", "crt", *names),
        (
            "pkcs12",
            "-export",
            "-in",
            "crt",
            "-inkey",
            "key",
            "-out",
            "p12",
            "-passout",
            "pass:open",
        ),
    ):
        subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "crt"))
    port = free_port()
    settings = {
        "hive.server2.transport.mode": "http",
        "hive.server2.thrift.http.port": str(port),
        "hive.server2.thrift.http.path": "sql/protocolv1/o/0/shop",
        "hive.server2.use.SSL": "true",
        "hive.server2.keystore.path": str(tmp_path / "p12"),
        "hive.server2.keystore.password": "open",
    }
    with thrift_server(tmp_path / "http", settings):
        there = SparkServer("http", HOST, port, "", "", "shop", "dapi")
        with connected(there) as session:
            assert session.query("select current_timezone(), typeof(coalesce(1, '1'))") == [
                ("UTC", "bigint")
            ]
        with (
            pytest.raises(SettingError, match="WHOP_ELT_SPARK_TOKEN and WHOP_ELT_SPARK_CLUSTER"),
            connected(replace(there, cluster="other")),
        ):
            pass


@SLOW
def test_the_command_builds_and_tests_a_bucket_on_a_server(
    line: BucketLine, server: SparkServer, tmp_path: Path
) -> None:
    # Without what builds in the folder have said of closed months: the server has not heard it.
    raw_alone = shutil.ignore_patterns("builds", "current")
    folder = Home(
        Path(shutil.copytree(line.warehouse.location, tmp_path / "home", ignore=raw_alone))
    )
    with line.at_work(), chdir(line.folder):
        transform_on_spark(folder, left_out=["test", "unit_test"])
        command = str(Path(sys.executable).parent / "whop-elt")
        ended = subprocess.run(
            [command, "transform", "--engine", "spark", "--destination", "filesystem"],
            env={
                **os.environ,
                "WHOP_ELT_SPARK_METHOD": "thrift",
                "WHOP_ELT_SPARK_HOST": server.host,
                "WHOP_ELT_SPARK_PORT": str(server.port),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == ExitCode.OK, ended.stdout + ended.stderr
    with folder.connect() as wanted, fetched(server) as found:
        the_same_marts(wanted, found)
