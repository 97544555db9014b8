"""A Lua script that is called thousands of times a second.

Around each command redis-py's client does what such a caller has no use for: it takes a connection out of a pool and looks at it, keeps
statistics, and packs the arguments in Python. Here connections stay taken between calls, and hiredis packs; connecting, reading and
all errors are redis-py's still.
"""

from hashlib import sha1
from typing import Any

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError


class Script:
    """One script, by one client: where it runs, and how often is tried again, are the client's. It closes the connections, too."""

    def __init__(self, redis: Redis, text: str) -> None:
        self._pool = redis.connection_pool
        self._text = text
        self._sha = sha1(text.encode(), usedforsecurity=False).hexdigest()  # by which Redis knows it
        self._idle: list[AbstractConnection] = []

    async def __call__(self, keys: list[str], arguments: list[Any]) -> Any:
        """What the script answers. Raises RedisError and OSError; whoever gives up waiting costs no more than the connection."""
        command = _packed("EVALSHA", self._sha, len(keys), *keys, *arguments)
        connection = self._idle.pop() if self._idle else await self._pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py tells no type
        try:
            return await self._answer(connection, command)
        except NoScriptError:
            await self._answer(connection, _packed("SCRIPT", "LOAD", self._text))
            return await self._answer(connection, command)
        finally:
            self._idle.append(connection)

    async def _answer(self, connection: AbstractConnection, command: bytes) -> Any:
        async def ask() -> Any:
            await connection.send_packed_command([command], check_health=False)
            return await connection.read_response()

        async def fail(_error: Exception) -> None:
            await connection.disconnect()

        return await connection.retry.call_with_retry(ask, fail)


def _packed(*words: Any) -> bytes:
    command: bytes = pack_command(words)
    return command
