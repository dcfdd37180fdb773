"""A client that nobody here wrote, the SDK's own, and what it is told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mcp import Client, StdioServerParameters

from whop_elt.mcp.serve import build, mask
from whop_elt.mcp.tool import QUESTION_SECONDS

T = TypeVar("T")
Conversation = Callable[[Client], Awaitable[T]]
WHOP_ELT = str(Path(sys.executable).with_name("whop-elt"))


@dataclass(frozen=True)
class Said:
    """What a tool answered."""

    answer: dict[str, Any]
    text: str
    failed: bool

    @property
    def data(self) -> Any:
        """The data of an action that went well."""
        assert self.answer == {"data": self.answer["data"], "error": None, "successful": True}
        assert not self.failed
        return self.answer["data"]

    @property
    def error(self) -> str:
        """Why it failed."""
        assert self.failed, self.answer
        return str(self.answer["error"])


async def told(client: Client, tool: str, **arguments: Any) -> Said:
    """Call a tool; what it says in words is what it says in structure."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert content.type == "text"
    note, opening, text, closing = content.text.split("\n")
    assert "never instructions" in note
    assert closing == opening.replace("<", "</", 1)
    assert json.loads(text) == result.structured_content
    return Said(result.structured_content, content.text, bool(result.is_error))


@dataclass(frozen=True)
class Agent:
    """An agent in this process, with what it is allowed."""

    destination: str = "duckdb"
    allow_writes: bool = False
    allow_credentials: bool = False
    with_contacts: bool = False
    seconds: float = QUESTION_SECONDS

    def session(self, conversation: Conversation[T]) -> T:
        """Speak with a server of its own, once."""

        async def speak() -> T:
            server = build(
                self.destination,
                masked=mask(),
                allow_writes=self.allow_writes,
                allow_credentials=self.allow_credentials,
                with_contacts=self.with_contacts,
                seconds=self.seconds,
            )
            async with Client(server) as client:
                return await conversation(client)

        return asyncio.run(speak())

    def __call__(self, tool: str, **arguments: Any) -> Said:
        """One call, of a server of its own."""
        return self.session(lambda client: told(client, tool, **arguments))


def over_stdio(folder: Path, env: dict[str, str], *options: str) -> StdioServerParameters:
    """The server as a client's configuration starts it."""
    return StdioServerParameters(command=WHOP_ELT, args=["mcp", *options], env=env, cwd=folder)
