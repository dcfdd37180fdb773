"""How the process of a command ends, and what dbt is let say in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager_client import (
    add_callback_to_manager,
    add_logger_to_manager,
    get_event_manager,
)
from dbt_common.events.functions import fire_event, warn_or_error
from dbt_common.events.logger import LoggerConfig
from dbt_common.events.types import Formatting, Note

from whop_elt.dbt_messages import only_what_is_told

ENDING = """
import atexit, sys
from whop_elt import cli

class Held:
    def __del__(self):
        print("given back", flush=True)

held = Held()

def main():
    atexit.register(print, "closed")
    print("said")
    {end}

cli.main = main
cli.command()
"""


def _ended(end: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ENDING.format(end=end)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_says_and_closes_all_and_gives_nothing_back(code: int) -> None:
    ended = _ended(f"sys.exit({code})")
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "said\nclosed\n", "")


def test_a_slip_of_the_command_line_itself_ends_as_ever() -> None:
    ended = _ended("raise LookupError('there')")
    assert ended.returncode == 1
    assert "LookupError: there" in ended.stderr
    assert ended.stdout == "said\nclosed\ngiven back\n"


def test_dbt_tells_what_somebody_hears() -> None:
    before = get_event_manager()
    told: list[Any] = []
    with only_what_is_told():
        add_callback_to_manager(told.append)
        fire_event(Formatting("of no interest"), level=EventLevel.DEBUG)
        fire_event(Note(msg="a model"), level=EventLevel.INFO)
        fire_event(Note(msg="a slip"), level=EventLevel.ERROR)
        warn_or_error(Note(msg="to be heeded"))
    assert [each.data.msg for each in told] == ["a model", "a slip", "to be heeded"]
    assert get_event_manager() is before and not before.loggers


def test_dbt_tells_all_that_its_log_is_asked_to_hold(tmp_path: Path) -> None:
    with only_what_is_told():
        file = str(tmp_path / "dbt.log")
        config = LoggerConfig(name="a log", level=EventLevel.DEBUG, output_file_name=file)
        add_logger_to_manager(config)
        fire_event(Note(msg="for who looks for a fault"), level=EventLevel.DEBUG)
    assert "for who looks for a fault" in (tmp_path / "dbt.log").read_text()
