"""`whop-elt grant-reader`: a Postgres role that reads the marts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .errors import SettingError
from .log import event, set_up
from .options import DestinationName, destination_of


def grant_reader(
    name: Annotated[str, typer.Argument(help="The Postgres role; created if there is none.")],
    destination: DestinationName = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Run the SQL, instead of printing it.")
    ] = False,
    with_password: Annotated[
        bool,
        typer.Option(
            "--password",
            help="With --apply: let the role log in with a password, which is asked for, or taken "
            "from the environment variable WHOP_ELT_READER_PASSWORD.",
        ),
    ] = False,
) -> None:
    """Let a Postgres role read the marts: no personal data, no raw tables, no writing."""
    from .destination import MARTS, open_destination
    from .grants import grant, grant_statements, refuse_without_roles
    from .run import locked_destination

    set_up("text", quiet=False)
    refuse_without_roles(destination_of(destination))
    if not apply:
        if with_password:
            raise SettingError("--password goes with --apply: a password is never printed")
        warehouse = open_destination(destination_of(destination), reading=True)
        statements = grant_statements(warehouse, name)
        print("begin;", *(f"{statement};" for statement in statements), "commit;", sep="\n")
        print(r"-- So that it can log in, in psql: alter role … login; \password …")
        return
    password = _reader_password(name) if with_password else None
    # Under the lock: a mart that dbt is about to swap in would be missed.
    with locked_destination(destination_of(destination)) as warehouse:
        grant(warehouse, name, password)
        event(f"{name} can read {MARTS} on {warehouse.location}")
    if not password:
        event("If it cannot log in yet: run this again with --password, or use a role that can")


def _reader_password(name: str) -> str:
    from .settings import reader_password

    password = reader_password()
    if password is None:
        if not sys.stdin.isatty():
            raise SettingError(
                "There is no terminal to ask for the password on: set WHOP_ELT_READER_PASSWORD"
            )
        password = str(
            typer.prompt(
                f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True
            )
        )
    if not password:
        raise SettingError("The password is empty")
    return password
