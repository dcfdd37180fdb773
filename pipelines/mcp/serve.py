"""Serves agents: over standard input and output, or over HTTP to this machine alone."""

from __future__ import annotations

import hmac
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import SettingError
from ..log import event
from ..process import end_at_once
from .actions import Account, action_tools
from .tool import QUESTION_SECONDS

if TYPE_CHECKING:
    from mcp.server.auth.provider import AccessToken
    from mcp.server.lowlevel import Server

    from .server import Document, Masked, Question

TOKEN_SETTING = "WHOP_ELT_MCP_TOKEN"
"""Environment variable of the bearer token for HTTP."""

_SHORTEST_TOKEN = 16

HOST = "127.0.0.1"


def serve(
    destination: str | None,
    *,
    http: bool,
    port: int,
    allow_writes: bool,
    allow_credentials: bool,
    with_contacts: bool,
) -> None:
    """Serve until the client hangs up, or until interrupted.

    Args:
        destination: duckdb, postgres or filesystem; None is the one that is set.
        http: over HTTP on loopback, in place of standard input and output.
        port: where; 0 is any that is free.
        allow_writes: plan, promo code and file can be changed.
        allow_credentials: access tokens can be made.
        with_contacts: names and e-mail addresses can be read.

    Raises:
        SettingError: the extra is not installed; the port is taken; the token is too short.
    """
    token = _token() if http else ""
    server = build(
        destination,
        masked=mask(token),
        allow_writes=allow_writes,
        allow_credentials=allow_credentials,
        with_contacts=with_contacts,
    )
    import anyio

    end_at_once(signal.SIGTERM, signal.SIGHUP)
    if http:
        anyio.run(_over_http, server, _listening(port), token)
    else:
        end_at_once(signal.SIGINT)
        anyio.run(_over_stdio, server)


def build(
    destination: str | None,
    *,
    masked: Masked,
    allow_writes: bool = False,
    allow_credentials: bool = False,
    with_contacts: bool = False,
    seconds: float = QUESTION_SECONDS,
) -> Server[Any]:
    """The server, with all that is allowed; nothing is opened yet.

    Args:
        destination, allow_writes, allow_credentials, with_contacts: see `serve`.
        masked: takes credentials out of a text.
        seconds: how long the warehouse may take for one question.
    """
    try:
        from .asker import Asker
        from .explain import explain_tools
        from .mart_tools import mart_tools
        from .numbers import Numbers
        from .server import make_server
        from .usual_questions import usual_tools
    except ModuleNotFoundError as error:
        raise SettingError(
            f"{error.name} is not installed: pip install 'whop-elt[mcp]' brings what agents need"
        ) from error
    asker = Asker(destination, contacts=with_contacts, seconds=seconds)
    numbers = Numbers(asker)
    tools = [
        *usual_tools(numbers),
        *explain_tools(numbers),
        *mart_tools(numbers),
        *action_tools(Account(), writes=allow_writes, credentials=allow_credentials),
    ]

    @cache
    def documents() -> Sequence[Document]:
        from .reading_matter import documents

        return [*documents(numbers)]

    @cache
    def questions() -> Sequence[Question]:
        from .reading_matter import questions

        return [*questions(asker.dialect, contacts=with_contacts)]

    return make_server(tools, documents, questions, masked, asker.close)


def mask(*further: str) -> Masked:
    """What takes the API key and these out of a text."""

    @cache
    def known() -> tuple[str, ...]:
        import dlt
        from dlt.common.configuration.exceptions import ConfigurationException

        try:
            key = dlt.secrets.get("sources.whop.api_key", str)
        except ConfigurationException:
            # A file that cannot be read: whoever needs the key says so, and nobody has it.
            key = None
        return tuple(secret for secret in (key, *further) if secret)

    def masked(text: str) -> str:
        for secret in known():
            text = text.replace(secret, "***")
        return text

    return masked


async def _over_stdio(server: Server[Any]) -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


# -------------------------------------------------------------------------------- HTTP


class _OneToken:
    """Knows the one token there is."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who has the token may do all that the server does."""
        from mcp.server.auth.provider import AccessToken

        if not hmac.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token="", client_id="owner", scopes=[])


def _token() -> str:
    """The configured token, or a new one, which is told once."""
    # Not read by `settings`, which brings dlt along: a start takes no second for one text.
    token = os.environ.get(TOKEN_SETTING, "")
    if not token:
        token = secrets.token_urlsafe(24)
        print(f"Authorization: Bearer {token}", file=sys.stderr, flush=True)
    elif len(token) < _SHORTEST_TOKEN:
        raise SettingError(f"{TOKEN_SETTING} must have at least {_SHORTEST_TOKEN} characters")
    return token


def _listening(port: int) -> socket.socket:
    """A socket that only this machine can reach."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise SettingError(f"--port {port} cannot be used: {error.strerror}") from error
    return listener


async def _over_http(server: Server[Any], listener: socket.socket, token: str) -> None:
    import uvicorn
    from mcp.server.auth.settings import AuthSettings
    from mcp.server.transport_security import TransportSecuritySettings
    from pydantic import AnyHttpUrl

    port = listener.getsockname()[1]
    names = [f"{HOST}:{port}", f"localhost:{port}"]
    app = server.streamable_http_app(
        host=HOST,
        # A page of the web that has its name point here is refused by both of these.
        transport_security=TransportSecuritySettings(
            allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
        ),
        auth=AuthSettings(issuer_url=AnyHttpUrl(f"http://{HOST}:{port}"), resource_server_url=None),
        token_verifier=_OneToken(token),
    )
    event(f"http://{HOST}:{port}/mcp")
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on")
    await uvicorn.Server(config).serve(sockets=[listener])
