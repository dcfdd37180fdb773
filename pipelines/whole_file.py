"""Writes what is made to be handed on: a file whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all: whoever opens it meanwhile has the one before.

    A link stays one, and folders that are missing are made. What is no file, as a pipe, a terminal
    or /dev/null, is written to: another in its place would take it from the whole machine.

    Args:
        path: the file.
        content: all of it.
        mode: who may read and write it.

    Raises:
        OSError: it cannot be written; the one before is as it was.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=f".{target.name[:50]}.", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            temporary.chmod(mode)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
