"""One run at a time on a folder or a bucket.

In a folder it is a lock file, which goes with the process. A bucket has no locks, but it can be
asked to make an object only where there is none: that object is the lock. A run says every half
minute that it still lives by writing the object again; one that has said nothing for some minutes
is dead, and the next run takes over. All times are the bucket's, so clocks need not agree.

Two runs at once, should that fail, lose nothing: both append, and a row's newest version counts.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from .bucket_trouble import URL
from .destination import Destination, nothing_to_lose
from .errors import Locked, PipelineError
from .run_lock import run_lock

RENEWED_SECONDS = 30
"""Pause between two signs of life."""

DEAD_SECONDS = 300
"""Age of the last sign of life at which a run is dead."""


@contextmanager
def bucket_lock(destination: Destination) -> Iterator[None]:
    """Keep other runs off a folder or a bucket while the block runs.

    While it does, `destination.still_locked` asks whether a bucket's lock is still this run's.

    Raises:
        Locked: another run holds it; the text says which, and since when.
        PipelineError: nothing can be written there.
    """
    client: Any = destination.pipeline.destination_client()
    name = f"{destination.pipeline.dataset_name}.lock"
    with ExitStack() as stack:
        with _explained(destination):
            if client.is_local_filesystem:
                stack.enter_context(run_lock(Path(client.bucket_path) / name))
            else:
                path = f"{client.bucket_path.rstrip('/')}/{name}"
                lock = _Lock(client.fs_client, path, destination.location)
                stack.enter_context(lock)
                destination.still_locked = partial(_check, destination, lock)
                stack.callback(setattr, destination, "still_locked", nothing_to_lose)
        yield


def _check(destination: Destination, lock: _Lock) -> None:
    """Raise a PipelineError when a bucket's lock is lost, or does not say."""
    with _explained(destination):
        lock.check()


def refuses_writing(destination: Destination) -> str | None:
    """Why a run could not write to a folder or a bucket; None if it could.

    A bucket says so only of what is written: an object that is there for a moment.
    """
    client: Any = destination.pipeline.destination_client()
    if client.is_local_filesystem:
        folder = Path(client.dataset_path)
        nearest = next(each for each in (folder, *folder.parents) if each.exists())
        writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
        return None if writable else f"cannot be written to by this account: set {URL}"
    probe = f"{client.bucket_path.rstrip('/')}/{destination.pipeline.dataset_name}.{_token()}"
    try:
        client.fs_client.pipe_file(probe, b"")
        client.fs_client.rm_file(probe)
    except Exception as error:
        if trouble := destination.trouble(error):
            return f"cannot be written to: {trouble}"
        raise
    return None


@contextmanager
def _explained(destination: Destination) -> Iterator[None]:
    """Say in a line why there is no lock to be had."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        if trouble := destination.trouble(error):
            raise trouble from error
        raise


def _token() -> str:
    return uuid.uuid4().hex


class _Lock:
    """An object in a bucket that is made only where there is none.

    Args:
        files: fsspec's client of the bucket.
        path: where the object is.
        location: the bucket, for people.
    """

    def __init__(self, files: Any, path: str, location: str) -> None:
        self._files = files
        self._path = path
        self._location = location
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        who = f"process {os.getpid()} on {socket.gethostname()}, since {now}"
        self._content = f"{who} ({_token()})".encode()
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> _Lock:
        try:
            self._make()
        except FileExistsError:
            self._take_over()
        self._renewing.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._renewing.join()
        # What cannot be given back is taken over some minutes later.
        with suppress(Exception):
            if self._is_ours():
                self._files.rm_file(self._path)

    def check(self) -> None:
        """Raise a PipelineError when another run has taken the lock over."""
        if not self._is_ours():
            raise PipelineError(
                f"This run's lock on {self._location} is lost, and another run may have begun, so "
                f"nothing more is loaded; the next run brings it ({self._holder()})"
            )

    def _make(self) -> None:
        self._files.pipe_file(self._path, self._content, mode="create")

    def _take_over(self) -> None:
        """Take the lock of a run that has given no sign of life.

        Raises:
            Locked: it lives.
        """
        probe = f"{self._path}.{_token()}"
        self._files.pipe_file(probe, b"")
        try:
            age = self._files.modified(probe) - self._files.modified(self._path)
        except FileNotFoundError:
            # Given back just now.
            age = None
        finally:
            self._files.rm_file(probe)
        if age is not None and age.total_seconds() < DEAD_SECONDS:
            raise Locked(f"A run is under way: {self._holder()} holds {self._path}")
        with suppress(FileNotFoundError):
            self._files.rm_file(self._path)
        try:
            self._make()
        except FileExistsError:
            raise Locked(f"A run is under way: {self._holder()} holds {self._path}") from None

    def _renew(self) -> None:
        """Give signs of life until the run is over, or the lock is another's."""
        while not self._over.wait(RENEWED_SECONDS):
            # A bucket that does not answer now may do so the next time.
            with suppress(Exception):
                if not self._is_ours():
                    return
                self._files.pipe_file(self._path, self._content)

    def _is_ours(self) -> bool:
        try:
            return bool(self._files.cat_file(self._path) == self._content)
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        """Who holds it, without what tells two runs of a process apart."""
        with suppress(FileNotFoundError):
            return str(self._files.cat_file(self._path).decode().rsplit(" (", 1)[0])
        return "another run"
