"""Postgres behind TLS: the wheel's own server is built without it, so a proxy speaks it."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

SSL_REQUEST = 80877103
"""What a client asks with whether TLS is spoken: PostgreSQL's documentation, 54.2.10."""


@contextmanager
def tls_proxy(port: int, ca: Path, certificate: Path, key: Path) -> Iterator[int]:
    """Serve the Postgres on a port of this machine over TLS alone, to who has a certificate.

    Yields:
        The port on loopback.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    Thread(target=_carry, args=(client, context, port), daemon=True).start()

        Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def _carry(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError), client:
        while True:
            _, code = struct.unpack("!ii", client.recv(8, socket.MSG_WAITALL))
            if code == SSL_REQUEST:
                break
            # Another kind of encryption is asked for: this one does not speak it. A start without
            # any is the end.
            if not 80877000 < code < 80878000:
                return
            client.sendall(b"N")
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", port)) as inner,
        ):
            while True:
                ready = [outer] if outer.pending() else select.select([outer, inner], [], [])[0]
                for one, other in ((outer, inner), (inner, outer)):
                    if one in ready:
                        data = one.recv(65536)
                        if not data:
                            return
                        other.sendall(data)
