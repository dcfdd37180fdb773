"""Asks the warehouse in a process of its own, which is ended when it takes too long or too much.

A query cannot be trusted with this process: one expression can take gigabytes of memory, or minutes
in which a database does not hear that it is to stop. Nothing is held open between two questions.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .tool import LARGEST_ANSWER, MOST_ROWS, QUESTION_SECONDS, ToolFailed

MEMORY = 1_000_000_000
"""Bytes that a question may take, beside what the process has to begin with."""

_OPENING_SECONDS = 20.0
"""How long the process may take to begin, and to open the warehouse."""

_BUILD_SECONDS = 10.0
"""How long a build of the marts is waited for."""

_ROOM = 40_000
"""Bytes for rows: an answer has more in it than those."""


@dataclass(frozen=True)
class Question:
    """One query."""

    sql: str
    values: tuple[Any, ...] = ()
    """What `%s` stands for."""
    trusted: bool = True
    """Whether we wrote it; what others wrote goes past the guard."""
    most_rows: int = MOST_ROWS
    most_bytes: int = _ROOM


@dataclass(frozen=True)
class Answer:
    """What came of it, ready for JSON."""

    columns: list[str]
    rows: list[list[Any]]
    cut: str | None = None
    """Why there are more rows than these; None when these are all."""
    location: str = ""
    copied_at: str | None = None

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass
class Asker:
    """The warehouse, as the tools ask it.

    Attributes:
        chosen: duckdb, postgres or filesystem; None is the one that is set.
        contacts: whether names and e-mail addresses may be read.
        seconds: how long one question may take.
    """

    chosen: str | None = None
    contacts: bool = False
    seconds: float = QUESTION_SECONDS
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _worker: _Worker | None = field(default=None, repr=False)

    @cached_property
    def destination(self) -> str:
        """duckdb, postgres or filesystem."""
        # What reads settings takes a moment to import, and a client waits for the start.
        from ..settings import destination_name

        return destination_name(self.chosen)

    @property
    def dialect(self) -> str:
        """Whose SQL is spoken: duckdb or postgres."""
        return "postgres" if self.destination == "postgres" else "duckdb"

    def ask(self, sql: str, *values: Any) -> Answer:
        """Ask with SQL of our own; all rows are wanted.

        Raises:
            ToolFailed: there are more than an answer holds; or see `ask_all`.
        """
        (answer,) = self.ask_all([Question(sql, values)])
        if answer.cut:
            raise ToolFailed(f"The answer is too large: {answer.cut}. Ask for less of it")
        return answer

    def ask_all(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask several things of the same moment of the warehouse.

        Raises:
            ToolFailed: a query is refused, takes too long or too much.
            PipelineError: the warehouse cannot be opened; see `open_reader`.
        """
        with self._one_at_a_time:
            copy = None
            if self.destination == "filesystem":
                # Not in the other process, which is short of memory and time.
                from ..bucket_models import bucket_copy

                copy = bucket_copy(contacts=self.contacts)
            worker = self._worker
            if worker is None or not worker.process.is_alive():
                worker = self._worker = _Worker(self.destination, self.contacts, self.seconds)
            try:
                outcome, goes_on = worker.answer(copy, questions)
            except BaseException:
                worker.end()
                self._worker = None
                raise
            if not goes_on:
                worker.end()
                self._worker = None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the process, when it has answered; the next question begins another."""
        with self._one_at_a_time:
            if self._worker is not None:
                self._worker.end()
                self._worker = None


class _Worker:
    """A process that answers."""

    def __init__(self, destination: str, contacts: bool, seconds: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._seconds = seconds
        self._ours, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, destination, contacts, seconds), daemon=True
        )
        self.process.start()
        theirs.close()

    def answer(
        self, copy: Path | None, questions: Sequence[Question]
    ) -> tuple[list[Answer] | Exception, bool]:
        """What the process says, and whether it can go on.

        Args:
            copy: the file that is asked; None for the warehouse.
            questions: what is asked of it.

        Raises:
            ToolFailed: it says nothing, and is to be ended.
        """
        limit = _OPENING_SECONDS + _BUILD_SECONDS + self._seconds + 2
        try:
            self._ours.send((copy, list(questions)))
            if self._ours.poll(limit):
                said: tuple[list[Answer] | Exception, bool] = self._ours.recv()
                return said
        except (EOFError, OSError):
            raise ToolFailed(
                "The query needed more memory than there is for one, and was ended"
            ) from None
        raise ToolFailed(f"The query took longer than {self._seconds:g} seconds, and was ended")

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self._ours.close()


# -------------------------------------------------------------------------------- the process


def _work(parent: Connection, destination: str, contacts: bool, seconds: float) -> None:
    """Answer questions until the parent has no more."""
    from ..errors import PipelineError
    from ..log import set_up
    from ..reading import open_copy, open_reader

    set_up("text", quiet=True)
    enough = _limit_memory()
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            copy: Path | None
            questions: list[Question]
            copy, questions = parent.recv()
            said: list[Answer] | Exception
            try:
                with (
                    open_copy(copy, seconds)
                    if copy
                    else open_reader(
                        destination,
                        marts_alone=not contacts,
                        seconds=seconds,
                        build_seconds=_BUILD_SECONDS,
                    )
                ) as reader:
                    said = _answers(reader, contacts, seconds, questions)
            except (PipelineError, ToolFailed) as error:
                said = error
            except MemoryError:
                said = ToolFailed("The query needed more memory than there is for one")
            except Exception as error:
                said = ToolFailed(f"A slip in whop-elt: {type(error).__name__}")
            # What one question has left behind is not to be missed by the next.
            goes_on = _data_pages() < enough
            parent.send((said, goes_on))
            if not goes_on:
                return


def _answers(
    reader: Any, contacts: bool, seconds: float, questions: list[Question]
) -> list[Answer]:
    copied_at = f"{reader.copied_at:%Y-%m-%dT%H:%M:%SZ}" if reader.copied_at else None
    answers = []
    for question in questions:
        sql = question.sql
        if not question.trusted:
            sql = _guarded(reader, contacts, sql)
        # Our own limit is what ends it when the database does not.
        with _killed_after(seconds + 1):
            columns, rows = reader.query(sql, *question.values, limit=question.most_rows + 1)
        answers.append(_cut(columns, rows, question, reader.location, copied_at))
    return answers


def _guarded(reader: Any, contacts: bool, sql: str) -> str:
    """The SQL that may be run, by what there is to read."""
    from ..names import MARTS, PERSONAL
    from .guard import allowed

    _, rows = reader.query(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema in (%s, %s) order by table_schema, table_name, ordinal_position",
        MARTS,
        PERSONAL if contacts else MARTS,
    )
    if (MARTS, "dim_members", "email") in [tuple(row) for row in rows]:
        raise ToolFailed(
            "The marts are of an earlier release, with names and e-mail addresses in them: "
            "`whop-elt run` builds those of this one"
        )
    marts: dict[str, list[str]] = {}
    for schema, table, column in rows:
        name = f"{schema}.{table}"
        marts.setdefault(name, [])
        marts[name].append(column)
    try:
        return allowed(sql, reader.name, marts)
    except ToolFailed as refused:
        if contacts and reader.copied_at:
            raise ToolFailed(
                f"{refused}. (A run has the warehouse open, and names and addresses are not in its "
                "copy for readers: ask for them again when the run is over)"
            ) from None
        raise


def _data_pages() -> float:
    """Pages of memory that this process can write to; 0 on a system that does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    except (OSError, ValueError):
        return 0


def _limit_memory() -> float:
    """Let this process have so much memory more, and no more; return how many pages are a lot."""
    # What the first question loads is not what it takes.
    import duckdb
    import psycopg2  # noqa: F401
    import sqlglot  # noqa: F401

    duckdb.connect().close()
    pages = _data_pages()
    if not pages:
        # Not on this system: the time limit is left.
        return math.inf
    import resource

    size = resource.getpagesize()
    most = int(pages * size) + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    return pages + MEMORY / 4 / size


@contextmanager
def _killed_after(seconds: float) -> Iterator[None]:
    """End this process when what is done takes longer: a database may not hear an interrupt."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(
    columns: list[str],
    rows: Sequence[tuple[Any, ...]],
    question: Question,
    location: str,
    copied_at: str | None,
) -> Answer:
    """As many rows as an answer holds."""
    kept: list[list[Any]] = []
    size = len(json.dumps(columns, ensure_ascii=False).encode())
    cut = None
    for row in rows:
        if len(kept) == question.most_rows:
            cut = f"these are the first {question.most_rows} rows, and there are more"
            break
        ready = [ready_for_json(value) for value in row]
        size += len(json.dumps(ready, ensure_ascii=False).encode()) + 2
        if size > question.most_bytes:
            cut = (
                f"these are the first {len(kept)} rows: with the next the answer has more than "
                f"{LARGEST_ANSWER // 1000} kB"
            )
            break
        kept.append(ready)
    return Answer(columns, kept, cut, location, copied_at)


def ready_for_json(value: Any) -> Any:
    """A value of the warehouse as JSON has it: no digit is lost, times are UTC."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [ready_for_json(each) for each in value]
    if isinstance(value, dict):
        return {str(name): ready_for_json(each) for name, each in value.items()}
    return str(value)


def _number(value: Decimal) -> Any:
    """A JSON number where it can hold all digits, else the digits as a text."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    as_float = float(value)
    return as_float if Decimal(repr(as_float)) == value else f"{value:f}"
