"""The simulator's side of HTTP: connections on loopback, and the bytes of answers."""

from __future__ import annotations

import socket
import sys
import traceback
from contextlib import suppress
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import orjson

from . import uploads
from .api import error_body
from .refusal import Refused

if TYPE_CHECKING:
    from .server import Server

_CONTROLS = "/_simulator"


class Answer:
    """What a request gets, and whether the connection breaks over it."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body
        self.content_type = "application/json; charset=utf-8"
        self.headers: dict[str, str] = {}
        self.broken: Literal["drop", "cut"] | None = None


class Http(ThreadingHTTPServer):
    """The listening socket of a simulator, and the connections that are open."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[Handler], simulator: Server) -> None:
        super().__init__(address, handler)
        self.simulator = simulator
        self.open: set[socket.socket] = set()

    def hang_up(self) -> None:
        """Break every connection."""
        for connection in tuple(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go; a broken connection is nothing to print."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, asks the simulator, and writes what it says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Http

    def setup(self) -> None:
        """Know the connection while it is open."""
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.open.discard(self.connection)
        super().finish()

    def serve(self) -> None:
        """Answer one request: of the controls, an upload, or of the API."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        simulator = self.server.simulator
        path = urlsplit(self.path).path
        if path.startswith(f"{_CONTROLS}/"):
            try:
                told = simulator.control(self.command, path.removeprefix(_CONTROLS), body)
                answer = Answer(200, orjson.dumps(told))
            except Refused as refusal:
                text = error_body("nested", refusal.status, refusal.message)
                answer = Answer(refusal.status, orjson.dumps(text))
            except (ValueError, KeyError, TypeError) as mistake:
                answer = Answer(400, orjson.dumps(error_body("nested", 400, repr(mistake))))
        elif self.command == "PUT" and path.startswith(f"{uploads.PATH}/"):
            try:
                answer = simulator.upload(self.path, self.headers, len(body))
            except Refused as refusal:
                answer = Answer(refusal.status, refusal.message.encode())
        else:
            try:
                answer = simulator.answer(self.command, self.path, self.headers, body)
            except Exception:
                # A mistake in the simulator, or in a test's hook, must not pass for Whop's mood.
                traceback.print_exc()
                text = error_body("nested", 500, traceback.format_exc())
                answer = Answer(500, orjson.dumps(text))
        self.send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def send(self, answer: Answer) -> None:
        """Write an answer, whole or broken."""
        if answer.broken == "drop":
            self.hang_up()
            return
        lines = [
            f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('',))[0]}",
            f"Date: {format_datetime(self.server.simulator.clock, usegmt=True)}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        head = "\r\n".join([*lines, "", ""]).encode()
        if answer.broken == "cut":
            self.wfile.write(head + answer.body[: len(answer.body) // 2])
            self.hang_up()
            return
        # One write, so that head and body leave in one packet where they can.
        self.wfile.write(head + answer.body)

    def hang_up(self) -> None:
        """Break this connection."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: `Server.log` has it."""
