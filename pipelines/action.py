"""`whop-elt action`: single calls of Whop's API, checked before they are sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from .errors import ExitCode, SettingError
from .log import set_up

if TYPE_CHECKING:
    from whop_actions import Action, Parameter, Progress
    from whop_source.client import WhopClient

app = typer.Typer(
    name="action",
    help="Make one of the 19 single calls of Whop's API: list, describe, run.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="list-payments, or WHOP_LIST_PAYMENTS.")]


@app.command("list", epilog="Example: whop-elt action list | grep changes")
def list_actions() -> None:
    """Show all actions, one a line."""
    from whop_actions import ACTIONS

    for action in ACTIONS:
        mark = "changes" if action.changes else "reads"
        print(f"{action.short_name:34}  {mark:7}  {action.name:39}  {action.operation}")


@app.command(epilog="Example: whop-elt action describe update-plan")
def describe(name: Name) -> None:
    """Show what an action does, and its parameters."""
    from whop_actions import BadParameter, find

    set_up("text", quiet=False)
    try:
        action = find(name)
    except BadParameter as wrong:
        raise SettingError(str(wrong)) from wrong
    print(f"{action.short_name} ({action.name}): {action.operation}")
    print(action.text)
    if action.changes:
        print("It changes something at Whop: it asks first, or needs --yes.")
    for parameter in action.parameters:
        print(f"\n  --{parameter.name.replace('_', '-')}  {_kind(parameter)}")
        print(f"      {parameter.text}")
        if parameter.enum:
            print(f"      One of: {', '.join(parameter.enum)}")
    for rule in action.rules:
        if rule.least:
            count = "exactly" if rule.most else "at least"
            print(f"\nGive {count} one of: {', '.join(rule.names)}")
        else:
            print(f"\nGive at most one of: {', '.join(rule.names)}")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Examples: whop-elt action run list-payments --statuses open --statuses pending --all · "
    "whop-elt action run update-plan --id plan_… --renewal-price 29.90 --stock null --dry-run · "
    "whop-elt action run create-file --path photo.png --yes",
)
def run(
    context: typer.Context,
    name: Name,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Parameters as a JSON object; - is stdin."),
    ] = None,
    all_pages: Annotated[bool, typer.Option("--all", help="Read a list to its end.")] = False,
    path: Annotated[
        Path | None,
        typer.Option(help="create-file: upload this file too, and wait until it is ready."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Change it without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the request, and send nothing.")
    ] = False,
) -> None:
    """Run an action; the answer is JSON on standard output.

    Parameters are options of their own name: --billing-period 30. A list is given by repeating the
    option, or as JSON; null is null. `action describe NAME` names them all.
    """
    from whop_actions import failure, find, perform, prepare, success
    from whop_source.errors import KeyRefused, WhopError
    from whop_source.surface import surface_of

    from . import settings

    set_up("text", quiet=False)
    try:
        action = find(name)
        parameters = {**_from_json(json_file), **_from_options(action, context.args)}
        request = prepare(
            name,
            parameters,
            company_id=configured_company(),
            all_pages=all_pages,
            upload=path,
            surface=surface_of(settings.api_version()),
        )
    except ValueError as wrong:
        raise SettingError(str(wrong)) from wrong
    if dry_run:
        _print_json(request.shown(settings.base_url()))
        return
    client = whop_client()
    if action.changes and not yes:
        _ask(action, request.shown(client.base_url))
    code = ExitCode.OK
    with client:
        try:
            with _progress() as progress:
                answer = success(perform(client, request, progress))
        except WhopError as error:
            answer = failure(client, error)
            code = ExitCode.SETTING if isinstance(error, KeyRefused) else ExitCode.FAILED
    _print_json(answer)
    raise typer.Exit(code)


def _kind(parameter: Parameter) -> str:
    """A parameter's type in words."""
    kind = parameter.type
    words = f"list of {kind[1:-1]}s" if kind.startswith("[") else kind
    return f"{words}, required" if parameter.required else words


def whop_client() -> WhopClient:
    """A client with the key and the other settings.

    Raises:
        SettingError: there is no key.
    """
    from whop_source.client import WhopClient

    from .settings import api

    given = api()
    return WhopClient(
        given.key,
        given.base_url,
        given.version,
        max_attempts=given.max_attempts,
        backoff=given.backoff_seconds,
    )


def configured_company() -> str | None:
    """The configured company; None when there is none, or several to choose from."""
    from .settings import company_ids

    several = company_ids()
    return several[0] if len(several) == 1 else None


def _from_json(source: str | None) -> dict[str, Any]:
    """The parameters in a file, or on standard input."""
    if source is None:
        return {}
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        parameters = json.loads(text)
    except (OSError, ValueError) as error:
        raise SettingError(f"--json {source}: {error}") from error
    if not isinstance(parameters, dict):
        raise SettingError(f"--json {source}: it must be a JSON object of parameters")
    return parameters


def _from_options(action: Action, arguments: list[str]) -> dict[str, Any]:
    """The parameters on the command line: `--name value`, `--name=value`, a bare `--flag`."""
    texts: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--"):
            raise SettingError(
                f"{action.short_name}: {option!r} belongs to no option; parameters are given as "
                "--name value"
            )
        dashed, equals, text = option.removeprefix("--").partition("=")
        name = dashed.replace("-", "_")
        parameter = action.parameter(name)
        if not equals:
            if rest and not rest[0].startswith("--"):
                text = rest.pop(0)
            elif parameter and parameter.type == "boolean":
                text = "true"
            elif parameter:
                raise SettingError(
                    f"{action.short_name}: {name} has no value; one that begins with -- is "
                    f"written --{dashed}=…"
                )
        texts.setdefault(name, []).append(text)
    values: dict[str, Any] = {}
    for name, given in texts.items():
        parameter = action.parameter(name)
        if parameter and parameter.type.startswith("["):
            values[name] = _list(parameter, given)
        elif len(given) > 1:
            raise SettingError(f"{action.short_name}: {name} is given {len(given)} times")
        else:
            values[name] = _one(parameter.type if parameter else "string", given[0])
    return values


def _one(kind: str, text: str) -> Any:
    """One value; what cannot be read as its type stays a text, which the check then refuses."""
    if text != "null" and kind in ("string", "datetime"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _list(parameter: Parameter, texts: list[str]) -> list[Any] | None:
    """Repeated options, each an item or a JSON array of items."""
    if texts == ["null"]:
        return None
    items: list[Any] = []
    for text in texts:
        whole = _one("object", text) if text.startswith("[") else None
        items += whole if isinstance(whole, list) else [_one(parameter.type[1:-1], text)]
    return items


def _ask(action: Action, shown: dict[str, Any]) -> None:
    """Have a person agree to a change."""
    if not sys.stdin.isatty():
        raise SettingError(
            f"{action.short_name} changes something at Whop, and there is no terminal to ask on: "
            "give --yes, or look first with --dry-run"
        )
    print(action.text, file=sys.stderr)
    print(json.dumps(shown, indent=2, ensure_ascii=False), file=sys.stderr)
    # Not typer's own question: part of it goes to standard output, where only the answer belongs.
    print("Send this to Whop? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SettingError("Nothing was sent")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A line that says how far it has come, on a terminal."""
    console = Console(stderr=True, emoji=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("asking Whop") as status:
        yield lambda text: status.update(escape(text))


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
