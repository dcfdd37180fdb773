"""A real Superset from .venv-superset: its home, its commands, its server, its REST API."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
from local_postgres import free_port

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv-superset" / "bin" / "superset"
ADMIN = "admin"
PASSWORD = "only-in-this-test"


class Superset:
    """One Superset with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        (home / "superset_config.py").write_text('SECRET_KEY = "only in this test"\n')
        self.environment = os.environ | {
            "SUPERSET_HOME": str(home),
            "SUPERSET_CONFIG_PATH": str(home / "superset_config.py"),
            "FLASK_APP": "superset",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.sessions: dict[str, Any] = {}
        """What Chromium keeps of who has logged in, by user."""

    def command(self, *arguments: str) -> str:
        """Run one of its commands; return what it says."""
        done = subprocess.run(
            [PROGRAM, *arguments], env=self.environment, capture_output=True, text=True, cwd="/"
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def set_up(self) -> None:
        """What its documentation says to run once."""
        self.command("db", "upgrade")
        self.command("init")
        self.add_user(ADMIN, "Admin")

    def add_user(self, name: str, role: str) -> None:
        """A user with a role, who can log in with PASSWORD."""
        self.command(
            "fab", "create-user", "--role", role, "--username", name, "--firstname", name,
            "--lastname", name, "--email", f"{name}@example.com", "--password", PASSWORD,
        )  # fmt: skip

    def copied(self, home: Path) -> Superset:
        """Another one that is set up alike."""
        home.mkdir(parents=True)
        shutil.copy(self.home / "superset.db", home / "superset.db")
        return Superset(home)

    def start(self) -> None:
        """Serve on loopback."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with (self.home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "run", "--port", str(port), "--with-threads"],
                env=self.environment, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        until = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{self.url}/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until, (self.home / "log").read_text()[-3000:]
            time.sleep(0.5)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def rows(self, table: str) -> int:
        """How many rows one of its own tables has."""
        with sqlite3.connect(self.home / "superset.db") as connection:
            (count,) = connection.execute(f"select count(*) from {table}").fetchone()
        return int(count)

    def ids(self, table: str) -> dict[str, int]:
        """Its own number of everything, by identifier."""
        with sqlite3.connect(self.home / "superset.db") as connection:
            return {
                uuid.hex(): number
                for number, uuid in connection.execute(f"select id, uuid from {table}")
            }

    def client(self, user: str = ADMIN) -> httpx.Client:
        """A client of its REST API, logged in."""
        client = httpx.Client(base_url=self.url, timeout=60)
        told = client.post(
            "/api/v1/security/login",
            json={"username": user, "password": PASSWORD, "provider": "db", "refresh": True},
        )
        client.headers["Authorization"] = f"Bearer {told.json()['access_token']}"
        token = client.get("/api/v1/security/csrf_token/").json()["result"]
        client.headers.update({"X-CSRFToken": token, "Referer": self.url})
        return client

    def permissions(self, client: httpx.Client, of: str = "") -> dict[tuple[str, str], int]:
        """Permissions, of a role or all there are: (what may be done, on what) and its number."""
        roles = client.get("/api/v1/security/roles/?q=(page_size:100)").json()["result"]
        pages = [
            client.get(f"/api/v1/security/permissions-resources/?q=(page:{page},page_size:100)")
            for page in range(10)
        ]
        every = {
            (each["permission"]["name"], each["view_menu"]["name"]): each["id"]
            for page in pages
            for each in page.json()["result"]
        }
        if not of:
            return every
        role = next(each["id"] for each in roles if each["name"] == of)
        told = client.get(f"/api/v1/security/roles/{role}/permissions/").json()["result"]
        its = {each["id"] for each in told}
        return {name: number for name, number in every.items() if number in its}

    def new_role(self, client: httpx.Client, name: str, permissions: list[int]) -> int:
        """A role with these permissions; return its number."""
        told = client.post("/api/v1/security/roles/", json={"name": name})
        assert told.status_code == 201, told.text
        role = int(told.json()["id"])
        told = client.post(
            f"/api/v1/security/roles/{role}/permissions",
            json={"permission_view_menu_ids": permissions},
        )
        assert told.status_code == 200, told.text
        return role

    def new_user(self, client: httpx.Client, name: str, *roles: int | str) -> None:
        """A user with these roles, who can log in with PASSWORD."""
        there = client.get("/api/v1/security/roles/?q=(page_size:100)").json()["result"]
        numbers = {each["name"]: each["id"] for each in there}
        told = client.post("/api/v1/security/users/", json={
            "first_name": name, "last_name": name, "username": name, "active": True,
            "email": f"{name}@example.com", "password": PASSWORD,
            "roles": [numbers.get(role, role) for role in roles],
        })  # fmt: skip
        assert told.status_code == 201, told.text

    def ask(self, client: httpx.Client, sql: str) -> tuple[int, Any]:
        """What its SQL Lab says to a query: status, and the rows or the refusal."""
        told = client.post(
            "/api/v1/sqllab/execute/",
            json={"database_id": 1, "sql": sql, "runAsync": False, "queryLimit": 1000},
        )
        body = told.json()
        return told.status_code, body.get("data", json.dumps(body))
