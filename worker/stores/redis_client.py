"""What the store asks of Redis, be it one server or a Cluster: commands, and scripts that run where their keys are."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

Part = str | bytes | int
Command = tuple[Part, ...]
_FOLDER = Path(__file__).parent


class Script:
    """A script of the named files, one behind the other."""

    def __init__(self, *names: str) -> None:
        self._text = b"".join((_FOLDER / name).read_bytes() for name in names)
        self._sha = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    def by_hash(self, keys: Sequence[str], *arguments: Part) -> Command:
        """Return the command for a server that knows the script."""
        return ("EVALSHA", self._sha, len(keys), *keys, *arguments)

    def in_full(self, keys: Sequence[str], *arguments: Part) -> Command:
        """Return the command for a server that started anew, or forgot its scripts."""
        return ("EVAL", self._text, len(keys), *keys, *arguments)


Call = tuple[Sequence[str], Sequence[Part]]
"""The keys of a script, all of one slot, and its arguments."""


class Client(ABC):
    """Sends commands to where `url` says.

    Every method raises RedisError (a server answered with an error, or a connection broke) and OSError (there is no
    connection; TimeoutError: no answer in time). What of several commands was done is not known then.
    """

    url: str

    async def call(self, *command: Part) -> Any:
        """Send a command and return the answer."""
        [answer] = await self.call_all([command])
        return answer

    async def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands, each to the server of its first key, and return their answers in order."""
        return _without_errors(await self._send(commands))

    async def run(self, script: Script, keys: Sequence[str], *arguments: Part) -> Any:
        """Run a script and return its answer."""
        [answer] = await self.run_all(script, [(keys, arguments)])
        return answer

    async def run_all(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script with each of these keys and arguments and return its answers in order."""
        answers = await self._send([script.by_hash(keys, *arguments) for keys, arguments in calls])
        unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            again = await self._send([script.in_full(calls[place][0], *calls[place][1]) for place in unknown])
            for place, answer in zip(unknown, again, strict=True):
                answers[place] = answer
        return _without_errors(answers)

    @abstractmethod
    async def ask_servers(self, *command: Part) -> dict[str, Any]:
        """Send a command to every server that holds data and return their answers by host:port."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections that no call uses."""

    @abstractmethod
    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        """Return an answer to each command; one that a server refused has an error for an answer."""


def _without_errors(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
